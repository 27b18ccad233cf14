"""Redis and its sentinels, asked through their own sockets: configuration, users, roles, the kinds of keys."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.kit.world.where import Facts, Where, short
from targets.lab.layout import MASTER, names
from targets.lab.roles import resp

_SILENT = "does not answer"
_OF_MASTER = ("flags", "quorum", "down-after-milliseconds", "failover-timeout", "parallel-syncs", "num-slaves",
              "num-other-sentinels")  # fmt: skip
_COUNTED = re.compile(r"[0-9a-f]{6,}|\d+")


def redis(where: Where) -> Facts:
    """Ask every server and sentinel; one that does not answer is a fact, too."""
    found: dict[str, str] = {}
    for node in (*names("redis"), *names("sentinel")) if where.lab else ():
        found |= server((where.lab or Path()) / node)
    return found | together(found)


def server(folder: Path) -> dict[str, str]:
    """Ask the server or sentinel of the node that has this folder."""
    with short(folder) as name:
        look = _server if folder.name.startswith("redis-") else _sentinel
        return {f"{folder.name}: {thing}": how for thing, how in look(f"{name}/socket")}


def together(found: Facts) -> dict[str, str]:
    """Tell what all servers' answers come to, whoever of them is master."""
    roles = sorted(how for thing, how in found.items() if thing.endswith(": role"))
    return {"the roles together": "; ".join(roles)} if roles else {}


def _server(door: str) -> Iterator[tuple[str, str]]:
    role = resp.ask(door, "ROLE")
    if not role:
        yield "the server", _SILENT
        return
    yield "role", _role(role)
    yield from ((f"setting {name}", value) for name, value in _pairs(resp.ask(door, "CONFIG", "GET", "*")).items())
    yield from ((f"user {line}", "there") for line in resp.ask(door, "ACL", "LIST") or [])
    facts = _lines(resp.ask(door, "INFO", "clients") or "")
    yield from ((name, facts[name]) for name in ("paused_reason", "paused_actions") if name in facts)
    if role[0] == "master":
        keys = (_COUNTED.sub("#", key) for key in resp.ask(door, "KEYS", "*") or [])
        yield from ((f"keys like {key}", "there") for key in keys)


def _role(role: list[Any]) -> str:
    """Tell its place without what counts up: of a replica the state of its link."""
    return f"master of {len(role[2])}" if role[0] == "master" else f"replica, {role[3]}"


def _sentinel(door: str) -> Iterator[tuple[str, str]]:
    facts = _pairs(resp.ask(door, "SENTINEL", "MASTER", MASTER))
    if not facts:
        yield "the sentinel", _SILENT
        return
    yield "master", f"{facts['ip']}:{facts['port']}"
    yield from ((f"of the master: {name}", facts.get(name, "")) for name in _OF_MASTER)
    yield "quorum", "reachable" if resp.ask(door, "SENTINEL", "CKQUORUM", MASTER) else "not reachable"
    yield from ((f"setting {name}", value) for name, value in _pairs(_configured(door)).items())
    yield from ((f"period {name}", value) for name, value in _pairs(resp.ask(door, "SENTINEL", "DEBUG")).items())
    for kind in ("REPLICAS", "SENTINELS"):
        known = [_pairs(each) for each in resp.ask(door, "SENTINEL", kind, MASTER) or []]
        yield from ((f"{kind.lower()}: {each['ip']}:{each['port']}", _lasting(each["flags"])) for each in known)
    yield from ((f"user {line}", "there") for line in resp.ask(door, "ACL", "LIST") or [])


def _lasting(flags: str) -> str:
    """Leave out what another sentinel said of the master when it was asked last: it is asked again only in need."""
    return ",".join(flag for flag in flags.split(",") if flag != "master_down")


def _configured(door: str) -> Any:
    return resp.ask(door, "SENTINEL", "CONFIG", "GET", "*")


def _pairs(answer: Any) -> dict[str, str]:
    words = [str(word) for word in answer] if isinstance(answer, list) else []
    return dict(zip(words[::2], words[1::2], strict=False))


def _lines(text: str) -> dict[str, str]:
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
