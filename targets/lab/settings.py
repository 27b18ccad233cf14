"""Settings of the lab's servers, changed while they run. Standard library only.

PostgreSQL: ALTER SYSTEM, so what is set survives a restart; of a server that does not run, its file is edited.
Redis: CONFIG SET, which a restart forgets; of a server that does not run there is nothing to put back.
"""

import re
import time
from collections.abc import Sequence
from typing import Protocol

from targets.lab.layout import Doors, at, part
from targets.lab.roles import pgsettings, resp
from targets.target import BadInput, Ran, TargetError

ANSWER_S = 5.0
_POLL_S = 0.02
_FILE = "data/postgresql.auto.conf"
_LAUNCHERS = ("primary_conninfo", "primary_slot_name")  # what targets.lab.roles.postgres and a promotion write


class There(Protocol):
    """Where the servers and their files are."""

    @property
    def doors(self) -> Doors:
        """Give the servers' doors."""

    def ran(self, node: str, argv: Sequence[str], timeout: float) -> Ran:
        """Run a command where a node runs; psql's own code 2 when it cannot be reached."""

    def text(self, node: str, name: str) -> str | None:
        """Read a file in a node's folder, None when there is none."""

    def write(self, node: str, name: str, text: str) -> None:
        """Write a file in a node's folder; its owner stays who it is."""


def read(there: There, node: str, name: str) -> str | None:
    """Read what is set on top of the server's own configuration; of Redis, what is in force."""
    component = part(node).component
    if not re.fullmatch(r"[A-Za-z_.-]+", name) or component not in ("postgres", "redis"):
        raise BadInput(f"{node}: there is no setting {name!r}; settings are those of PostgreSQL and Redis servers")
    if component == "postgres":
        found = _altered(there, node, name)
        known = f"select count(*) from pg_settings where name = lower('{name}')"  # noqa: S608  checked just above
        if found is None and _psql(there, node, known) == "0":
            raise BadInput(f"{node}: PostgreSQL has no setting {name!r}")
        return found
    answer = _ask_redis(there.doors, node, "CONFIG", "GET", name)
    if answer == []:
        raise BadInput(f"{node}: Redis has no setting {name!r}")
    return str(answer[1]) if answer else None


def write(there: There, node: str, name: str, value: str | None) -> None:
    """Set a value in force, None takes away what was set. TargetError with the server's own words when it refuses."""
    if part(node).component == "postgres":
        _alter(there, node, name, value)
    elif (
        value is not None
        and _ask_redis(there.doors, node, "PING")
        and not _ask_redis(there.doors, node, "CONFIG", "SET", name, value)
    ):
        raise TargetError(f"{node}: Redis refuses {name} = {value!r}")


def overrides(there: There, node: str) -> list[str]:
    """Describe what was set on top of a PostgreSQL server's configuration, but for what its launcher writes."""
    lines = [line for line in (there.text(node, _FILE) or "").splitlines() if " = " in line]
    return [f"{node}: {line}" for line in lines if line.partition(" = ")[0] not in _LAUNCHERS]


def _ask_redis(doors: Doors, node: str, *words: str) -> list[str] | str | None:
    answer: list[str] | str | None = resp.ask(at(doors[node]), *words)
    return answer


def _alter(there: There, node: str, name: str, value: str | None) -> None:
    words = f"set {name} = {pgsettings.quoted(value)}" if value is not None else f"reset {name}"
    began = _psql(there, node, "select clock_timestamp()")
    if began is None:
        _edit(there, node, name, value)
        return
    _psql(there, node, f"alter system {words}", "select pg_reload_conf()")
    deadline = time.monotonic() + ANSWER_S
    while _psql(there, node, f"select pg_conf_load_time() > '{began}'") != "t":
        if time.monotonic() > deadline:
            raise TargetError(f"{node}: {name} was set and is not in force after {ANSWER_S:.0f} s")
        time.sleep(_POLL_S)


def _psql(there: There, node: str, *statements: str) -> str | None:
    """Have the server do something, give its last answer; None when it is away."""
    words = [word for statement in statements for word in ("-c", statement)]
    ran = there.ran(node, ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *words), ANSWER_S)
    if ran.code == 1:
        raise BadInput(f"{node}: PostgreSQL refuses it: {ran.err.strip()}")
    return ran.out.strip() if ran.code == 0 else None


def _altered(there: There, node: str, name: str) -> str | None:
    found = re.findall(rf"^{re.escape(name)} = '(.*)'$", there.text(node, _FILE) or "", re.MULTILINE)
    return str(found[-1]).replace("''", "'") if found else None


def _edit(there: There, node: str, name: str, value: str | None) -> None:
    """Change the file of a server that does not run, in place: its owner stays who it is."""
    kept = [line for line in (there.text(node, _FILE) or "").splitlines() if not line.startswith(f"{name} = ")]
    added = [f"{name} = {pgsettings.quoted(value)}"] if value is not None else []
    there.write(node, _FILE, "\n".join([*kept, *added]) + "\n")
