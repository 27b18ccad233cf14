"""The six points that are looked at after chaos, on any target, by what it is able to do. Reads only.

A point is ok, NOT ok, or cannot be looked at because the target lacks the ability; a look that fails is NOT ok.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from rollback import journal
from rollback import stop as stopping
from targets import labs
from targets.abilities import Configurable, Deployable, Killable, Pausable, Scalable, Skewable
from targets.target import DrillyardError, Node, Target, TargetGone, Unable, attach
from targets.telling import Listing

State = Literal["ok", "NOT ok", "cannot look"]
WRITERS = ("primary", "master")
Look = Callable[[Target], list[str]]


@dataclass(frozen=True, kw_only=True)
class Point:
    """One of the six."""

    number: int
    name: str
    state: State
    says: tuple[str, ...]  # what is wrong, or why it cannot be looked at


def check(named: Sequence[str] = ()) -> tuple[Point, ...]:
    """Look at the records, and at these targets; without any, at every lab that is up and what open records name."""
    records, unreadable = journal.open_records()
    still_open = [f"open: {record.fault} of {record.victims} ({record.id})" for record in records]
    first = _point(1, "no fault is on record", [*still_open, *unreadable], [])
    addresses = tuple(named) or tuple(dict.fromkeys([*labs.standing(), *(record.target for record in records)]))
    with ThreadPoolExecutor(len(LOOKS)) as pool:
        seen = [list(pool.map(lambda look, at=at: _seen(look, at, named=bool(named)), LOOKS)) for at in addresses]
    rest = [
        _point(number, name, [p for each in seen for p in each[at][0]], _lacks(seen, at))
        for at, (number, name) in enumerate(NAMES)
    ]
    return (first, *rest)


def clean(points: Sequence[Point]) -> bool:
    """Tell whether nothing is wrong."""
    return all(point.state != "NOT ok" for point in points)


def lines(points: Sequence[Point]) -> list[str]:
    """Say it, a line for each point and for each thing that is wrong."""
    told = []
    for point in points:
        told.append(f"{point.number} {point.name:<46} {point.state}")
        told += [f"    {says}" for says in point.says]
    return told


Seen = tuple[list[str], list[str]]  # what is wrong; why it could not be looked at


def _seen(look: Look, address: str, *, named: bool) -> Seen:
    try:
        return [f"{address}: {says}" for says in look(attach(address))], []
    except TargetGone:
        return [f"{address}: is not there"] if named else [], []
    except Unable as lacks:
        return [], [f"{address}: {lacks}"]
    except DrillyardError as error:
        return [f"{address}: could not look: {error}"], []
    except Exception as error:  # noqa: BLE001  a look that breaks is no clean look, and no traceback either
        return [f"{address}: could not look: {type(error).__name__}: {error}"], []


def _lacks(seen: Sequence[Sequence[Seen]], at: int) -> list[str]:
    if not seen:
        return ["no target is up and no record names one"]
    return [lack for each in seen for lack in each[at][1]]


def _point(number: int, name: str, wrong: Sequence[str], lacks: Sequence[str]) -> Point:
    state: State = "NOT ok" if wrong else "cannot look" if lacks else "ok"
    return Point(number=number, name=name, state=state, says=tuple(dict.fromkeys([*wrong, *lacks])))


def _runs(target: Target) -> list[str]:
    if not isinstance(target, Killable):
        raise Unable("it cannot tell what runs")
    return [f"{name} does not run" for name in target.down()]


def _as_before(target: Target) -> list[str]:
    """Name what is frozen, set, deployed, scaled or put wrong and was not so at first."""
    if not isinstance(target, Pausable | Configurable | Deployable | Scalable | Skewable):
        raise Unable("nothing of it can be frozen, set, deployed, scaled or skewed")
    found = [f"{name} is frozen" for name in sorted(target.paused())] if isinstance(target, Pausable) else []
    found += [f"setting {line}" for line in sorted(target.overrides())] if isinstance(target, Configurable) else []
    found += [f"{name} runs another release" for name in target.strayed()] if isinstance(target, Deployable) else []
    found += [f"{name} has another size" for name in target.resized()] if isinstance(target, Scalable) else []
    skewed = sorted(target.skewed()) if isinstance(target, Skewable) else []
    return found + [f"the clock of {name} is wrong" for name in skewed]


def _answers(target: Target) -> list[str]:
    from probes import answering  # noqa: PLC0415  with the servers' clients, which a heal must do without

    def asked(component: str) -> list[str]:
        try:
            if url := target.endpoint(component):  # one that takes no connections has none
                answering.ask(url)
        except (DrillyardError, ValueError) as error:
            return [f"{component} does not answer its callers: {error}"]
        return []

    with ThreadPoolExecutor() as pool:
        return [says for found in pool.map(asked, _components(target)) for says in found]


def _replicates(target: Target) -> list[str]:
    """Demand one writer of every data store, and that all its other nodes follow."""
    return [says for component in _components(target) for says in _followed(component, target.nodes(component))]


def _followed(component: str, nodes: Sequence[Node]) -> Iterator[str]:
    if not any(node.role for node in nodes):
        return  # it has no roles: no data store
    from probes import answering  # noqa: PLC0415  as above

    yield from (f"{node.name} does not say which part it plays" for node in nodes if not node.role)
    writers = [node for node in nodes if node.role in WRITERS]
    if len(writers) != 1:
        yield f"{component} has {len(writers)} writers: {', '.join(node.name for node in writers) or 'nobody'}"
        return
    following = answering.followers(writers[0])
    if following != len(nodes) - 1:
        yield f"{component}: {following} of {len(nodes) - 1} follow {writers[0].name}"


def _components(target: Target) -> tuple[str, ...]:
    if not isinstance(target, Listing):
        raise Unable("it cannot tell its components")
    return target.components


LOOKS: tuple[Look, ...] = (stopping.residue, _runs, _as_before, _answers, _replicates)
NAMES = (
    (2, "nothing of any fault is left"),
    (3, "every node runs"),
    (4, "nobody is frozen, settings are as they were"),
    (5, "every component answers its callers"),
    (6, "data stores have one writer and replicate"),
)
