"""Keys of the lab's Redis, on whichever node is master at the moment. Standard library only."""

from collections.abc import Callable, Collection
from typing import Any, TypeVar

from targets.lab.layout import Doors, at, names
from targets.lab.roles import resp
from targets.target import BadInput, TargetError
from targets.waiting import until

T = TypeVar("T")

COMPONENT = "redis"
WITHIN_S = 10.0  # a failover may be under way
_PAGE = "1000"


def listed(doors: Doors, component: str, prefix: str, *, wait: bool) -> frozenset[str]:
    """List the master's keys that begin with `prefix`; without `wait`, those of all that are master now."""
    if not wait:
        return frozenset().union(*(_scan(door, prefix) for door in _masters(doors)))
    return _on_master(doors, component, lambda door: _scan(door, prefix))


def add(doors: Doors, component: str, key: str, seconds: int) -> None:
    """Set a key on the master, for so many seconds."""
    _on_master(doors, component, lambda door: _ask(door, "SET", key, "", "EX", str(seconds)))


def delete(doors: Doors, component: str, keys: Collection[str]) -> int:
    """Delete keys on the master, count those that were there."""
    return _on_master(doors, component, lambda door: int(_ask(door, "UNLINK", *keys))) if keys else 0


def _on_master(doors: Doors, component: str, work: Callable[[str], T]) -> T:
    """Do something on the master, as soon as exactly one node says that it is."""
    if component != COMPONENT:
        raise BadInput(f"component {component!r} keeps no keys; {COMPONENT} does")

    def done() -> tuple[T] | None:
        masters = _masters(doors)
        return (work(masters[0]),) if len(masters) == 1 else None

    return until(done, WITHIN_S, f"{COMPONENT}: one master that answers")[0]


def _masters(doors: Doors) -> list[str]:
    here = [at(doors[name]) for name in names(COMPONENT)]
    return [door for door in here if (resp.ask(door, "ROLE") or [""])[0] == "master"]


def _scan(door: str, prefix: str) -> frozenset[str]:
    found: set[str] = set()
    cursor = "0"
    pattern = "".join(f"\\{letter}" if letter in "*?[]^-\\" else letter for letter in prefix) + "*"
    while True:
        cursor, page = _ask(door, "SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)
        found |= set(page)
        if cursor == "0":
            return frozenset(found)


def _ask(door: str, *words: str) -> Any:
    answer = resp.ask(door, *words)
    if answer is None:
        raise TargetError(f"{door}: no answer to {words[0]}, or an error")
    return answer
