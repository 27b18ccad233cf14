"""What may differ between two looks, each with its reason. Everything else is left behind by somebody."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Differences in one section that are nobody's harm; the patterns match the whole text."""

    section: str
    thing: str
    was: str = ".*"  # "absent" where it was not there
    now: str = ".*"
    reason: str

    def covers(self, section: str, thing: str, was: str, now: str) -> bool:
        """Say whether this line speaks of that difference."""
        pairs = ((self.thing, thing), (self.was, was), (self.now, now))
        return section == self.section and all(re.fullmatch(wanted, text, re.DOTALL) for wanted, text in pairs)


ALLOWED: tuple[Allowed, ...] = (
    Allowed(
        section="environment",
        thing="PYTEST_CURRENT_TEST",
        reason="pytest names the phase that a test is in",
    ),
    Allowed(
        section="processes",
        thing=r"postgres-\w: postgres: (session|autovacuum worker|parallel worker)",
        reason="clients come and go with their pools; of what a fault holds, `sessions` in section postgres tells",
    ),
    Allowed(
        section="files",
        thing=r"lab [\w-]+/loads\.log",
        was="absent",
        now="file 644 .*",
        reason="the log of what was set to work beside a node is the lab's own, and stays with it",
    ),
    Allowed(
        section="files",
        thing=r"lab postgres-\w/data/(base|global|pg_\w+)(/\w+)?(/#)*/(#(\.#|_fsm|_vm|_init)*|pg_internal\.init)",
        reason="PostgreSQL numbers its own files: they come with transactions and go with checkpoints",
    ),
    Allowed(
        section="files",
        thing=r"lab postgres-\w/data/pg_logical/replorigin_checkpoint\.tmp",
        reason="a checkpoint writes it and renames it; what a kill leaves of it the next checkpoint overwrites",
    ),
    Allowed(
        section="files",
        thing=r"lab drill\.(lock|next)",
        reason="the lock of the lab names its dead holder in its folder until the next one lets it go",
    ),
    Allowed(
        section="processes",
        thing=r"postgres-\w: \S*/postgres -D data .*",
        was=".*running",
        now=".*running",
        reason="a session that was forked a moment ago has its postmaster's name still",
    ),
    Allowed(
        section="nft",
        thing=r'\{"(rule|chain|table)": .*("DOCKER_\w+"|"127\.0\.0\.11").*',
        reason="the engine's own way to its name server, in every container anew after each start",
    ),
    Allowed(
        section="files",
        thing="temporary .*",
        now="absent",
        reason="what is gone is not left behind: others on this machine have temporary files, too",
    ),
    Allowed(
        section="mounts",
        thing=r"/run/docker/netns/\w+",
        reason="the engine's own name for a container's network, another after each start; who runs, `engine` tells",
    ),
    Allowed(
        section="files",
        thing=r"lab (api-\w+|postgres-\w)/environment\.json",
        was="absent",
        reason="which releases a container was given, and by how much its clock is off: 0 in the end, or `clock` tells",
    ),
)

# besides, where a leader died: who leads now; that somebody does, and all others follow, `the roles together` tell
MOVED: tuple[Allowed, ...] = (
    Allowed(
        section="redis",
        thing=r"redis-\w: (role|setting (replicaof|slaveof)|keys like .*)",
        reason="Sentinel has put another node in the place of a master that died, and keys are listed at the master",
    ),
    Allowed(
        section="redis",
        thing=r"sentinel-\w: (master|replicas: .*)",
        reason="Sentinel has put another node in the place of a master that died, and the sentinels know it",
    ),
    Allowed(
        section="postgres",
        thing=r"postgres-\w: (role in the cluster|WAL replay|standby .*|altered primary_(conninfo|slot_name)|slot .*|"
        r"setting (in_hot_standby|transaction_read_only|primary_conninfo|primary_slot_name))",
        reason="another node was promoted in the place of a primary that died; each makes slots for its peers",
    ),
    Allowed(
        section="processes",
        thing=r"postgres-\w: postgres: (walsender|walreceiver|startup|archiver|walwriter|autovacuum launcher|"
        r"logical replication launcher)",
        reason="another node was promoted in the place of a primary that died: its processes are a primary's",
    ),
    Allowed(
        section="postgres",
        thing=r"postgres-\w: sessions of postgres as ''",
        reason="the lab's own sessions are at whoever is the primary; those that a fault holds have a name",
    ),
    Allowed(
        section="files",
        thing=r"lab (archive/#\.(history|partial)( on postgres-\w)?|"
        r"postgres-\w/wal/(archive_status/)?#(\.#)?\.(history|partial|backup)(\.done)?|"
        r"postgres-\w/data/(backup_(label\.old|manifest(\.old)?)|standby\.signal|base/pgsql_tmp))",
        reason="another node was promoted in the place of a primary that died: its history, and who is a standby now",
    ),
)
