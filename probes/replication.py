"""Probes of what passes between a PostgreSQL primary and its standbys, by positions in the WAL, never by clocks."""

from probes.nodes import ask
from probes.postgres import query
from targets.target import TargetError
from targets.waiting import until
from targets.where import target

# committed for itself alone: it is in the WAL and flushed, whether a standby confirms it or not
MARK = """SELECT pg_logical_emit_message(true, 'drillyard', 'does it arrive?')
    FROM set_config('synchronous_commit', 'local', true)"""

COMMIT = "SELECT pg_logical_emit_message(true, 'drillyard', 'does this commit?')"


def commit_returns() -> bool:
    """Say whether a commit on the primary is confirmed within 2 s, whoever vouches for it or does not.

    To be trusted because it does commit (a message in the WAL, no table) as every caller's write does.
    """
    try:
        query(target().endpoint("postgres"), COMMIT)
    except TargetError:
        return False
    return True


def receiving_standbys(within_s: float = 1.0) -> int:
    """Write a mark on the primary and count the standbys that have received it within so many seconds.

    To be trusted because each standby is asked for its own position, and nobody has to confirm anything.
    """
    mark = query(target().endpoint("postgres"), MARK)
    standbys = target().nodes("postgres", "standby")
    has_it = f"SELECT pg_last_wal_receive_lsn() >= '{mark}'::pg_lsn"
    arrived: set[str] = set()

    def all_have_it() -> bool:
        arrived.update(name for name, has in ask(standbys, lambda node: query(node.endpoint, has_it)).items() if has)
        return len(arrived) == len(standbys)

    try:
        until(all_have_it, within_s, "the mark on every standby")
    except TargetError:
        return len(arrived)
    return len(arrived)
