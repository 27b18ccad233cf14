"""The emergency stop: told to everybody, then everything put back kind by kind, looked at, and reported.

1 stop injecting      a mark that every running drill obeys
2-6 put back          partitions, stress, dependencies, killed and lost nodes, everything else
7 sweep               with --target: what says of itself that it is ours, whoever's record it was on
8 look                the six points, again and again until they are ok or patience ends
9 report              <state>/stops/<time>.json
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from experiments import faults
from rollback import byhand, health, journal, marks
from rollback import stop as stopping
from rollback.health import Point
from rollback.marks import Person
from rollback.records import Injection
from targets.target import BadInput, DrillyardError, TargetGone, sweep

POLL_S = 0.5
PUT_BACK = (  # in this order, the first three faults.BLOCKING
    ("put back network partitions", ("partition",)),
    ("put back resource exhaustion", ("stress",)),
    ("put back dependency failures", ("dependency",)),
    ("put back killed and lost nodes", ("kill", "failover")),
    ("put back everything else", ("other",)),
)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody asks for."""

    by: Person
    reason: str = ""
    only: str | None = None  # of faults.KINDS
    force: bool = False  # what cannot be put back is given up
    targets: tuple[str, ...] = ()
    patience_s: float = 0.0  # how long the look may take to become clean

    def __post_init__(self) -> None:
        """Refuse, with BadInput, what nobody can mean."""
        if self.only is not None and self.only not in faults.KINDS:
            raise BadInput(f"--only {self.only}: no such kind of fault; there are {', '.join(faults.KINDS)}")
        if self.force and not self.reason.strip():
            raise BadInput("--force gives up what cannot be put back; say why by --reason")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the stop."""

    number: int
    name: str
    did: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was done, and what remains."""

    by: Person
    at: str  # ISO, UTC
    reason: str
    only: str | None
    force: bool
    steps: tuple[Step, ...]
    healed: tuple[Injection, ...]
    failed: tuple[str, ...]
    by_hand: tuple[str, ...]  # commands for what failed
    health: tuple[Point, ...]
    remains: tuple[str, ...]  # everything that is not as it should be

    @property
    def clean(self) -> bool:
        """Tell whether nothing remains."""
        return not self.remains


def stop(order: Order) -> Report:
    """Press the red button."""
    at = marks.utc()
    first = _told(order)
    stops = [(name, kinds, _put_back(kinds, order)) for name, kinds in PUT_BACK if _asked(kinds, order)]
    steps = [first, *(_step(at + 2, name, done) for at, (name, _, done) in enumerate(stops))]
    unhealed = [record for _, _, done in stops for record in done.unhealed]
    unreadable = stops[0][2].unreadable
    if order.force and (unhealed or unreadable):
        steps.append(_given_up(len(steps) + 1, unhealed, order))
    swept = [_swept(len(steps) + 1, order.targets)] if order.targets and order.only is None else []
    steps += swept
    failed = (*unreadable, *stopping.Stopped(unhealed=tuple(unhealed)).failed, *(f for s in swept for f in s.failed))
    points = _looked(order, patient=not failed)
    wrong = [says for point in points if point.state == "NOT ok" for says in point.says]
    said = "; ".join(f"{point.number} {point.state}" for point in points)
    steps.append(Step(number=len(steps) + 1, name="look at six points", did=(said,), failed=tuple(wrong)))
    return Report(
        by=order.by, at=at, reason=order.reason, only=order.only, force=order.force,
        steps=tuple(steps),
        healed=tuple(record for _, _, done in stops for record in done.healed),
        failed=failed,
        by_hand=tuple(dict.fromkeys(command for record in unhealed for command in byhand.commands(record))),
        health=points,
        remains=tuple(dict.fromkeys([*first.failed, *failed, *wrong])),
    )  # fmt: skip


def keep(report: Report) -> Report:
    """Write the report into the state folder, and say where, as its last step."""
    number = len(report.steps) + 1
    name = "keep the report"
    try:
        path = journal.stops() / f"{report.at.replace(':', '')}-{report.by.pid}.json"
        told = Step(number=number, name=name, did=(str(path),))
        whole = replace(report, steps=(*report.steps, told))
        journal.put(path, to_json(whole))
    except (OSError, DrillyardError) as error:
        wrong = f"the report cannot be kept: {error}"
        failed = Step(number=number, name=name, failed=(wrong,))
        return replace(report, steps=(*report.steps, failed), remains=(*report.remains, wrong))
    return whole


def to_json(report: Report) -> dict[str, Any]:
    """Give what the report's file holds."""
    return {"version": 1, **asdict(report), "clean": report.clean}


def lines(report: Report) -> Iterator[str]:
    """Say it to a person."""
    reason = f": {report.reason}" if report.reason else ""
    yield f"emergency stop at {report.at[:19]} UTC by {report.by} on {report.by.host}{reason}"
    for step in report.steps:
        yield f"{step.number} {step.name}"
        yield from (f"    {says}" for says in step.did or (() if step.failed else ("nothing was open",)))
        yield from (f"    NOT HEALED: {says}" for says in step.failed if says in report.failed)
        yield from (f"    NOT OK: {says}" for says in step.failed if says not in report.failed)
    if report.by_hand:
        yield "by hand, from any shell, then stop again:"
        yield from (f"    {command}" for command in report.by_hand)


def _asked(kinds: Sequence[str], order: Order) -> bool:
    return order.only is None or order.only in kinds


def _told(order: Order) -> Step:
    """Leave the mark, before anything is looked at."""
    name = f"stop injecting {order.only or 'anything'}"
    try:
        marks.leave(by=order.by, reason=order.reason, only=order.only)
    except (OSError, DrillyardError) as error:
        return Step(number=1, name=name, failed=(f"running drills cannot be told: {error}",))
    drills = sorted({(r.drill, r.owner.pid) for r in journal.open_records()[0] if r.owner.alive()})
    told = [f"drill {drill} of pid {pid} is told" for drill, pid in drills]
    return Step(number=1, name=name, did=tuple(told) or ("a mark is left for whoever is at it",))


def _put_back(kinds: Sequence[str], order: Order) -> stopping.Stopped:
    by = f"{marks.BY_HAND}: {order.reason}" if order.reason else marks.BY_HAND

    def mine(record: Injection) -> bool:
        kind = faults.kind(record.fault)
        return kind in kinds and order.only in (None, kind)

    return stopping.stop(by=by, mine=mine)


def _step(number: int, name: str, done: stopping.Stopped) -> Step:
    did = tuple(f"healed {record.fault} of {record.victims} ({record.id})" for record in done.healed)
    return Step(number=number, name=name, did=did, failed=stopping.Stopped(unhealed=done.unhealed).failed)


def _swept(number: int, targets: Sequence[str]) -> Step:
    """Put back what bears our labels: its record may lie on another machine, or nowhere any more."""
    did, failed = [], []
    for address in targets:
        try:
            did += [f"{address}: {found}" for found in sweep(address)]
        except TargetGone:
            continue  # the look says so
        except DrillyardError as error:
            failed.append(f"{address}: {error}")
    return Step(number=number, name="sweep up what says that it is ours", did=tuple(did), failed=tuple(failed))


def _given_up(number: int, unhealed: Sequence[Injection], order: Order) -> Step:
    """Close what could not be put back, with who takes it on and why: from now on drills may inject again."""
    did, failed = [], []
    for record in unhealed:
        try:
            journal.close(replace(record, forced=f"{order.by}: {order.reason}"))
            did.append(f"gave up {record.fault} of {record.victims} ({record.id})")
        except (OSError, DrillyardError) as error:
            failed.append(f"{record.id} cannot be given up: {error}")
    try:
        did += [f"set aside {path}" for path in (journal.set_aside() if order.only is None else ())]
    except (OSError, DrillyardError) as error:
        failed.append(f"what cannot be read cannot be set aside: {error}")
    return Step(number=number, name="give up what cannot be put back", did=tuple(did), failed=tuple(failed))


def _looked(order: Order, *, patient: bool) -> tuple[Point, ...]:
    """Look until it is clean; what came back only now needs a moment to find the others."""
    until = time.monotonic() + (order.patience_s if patient else 0)
    while not health.clean(points := health.check(order.targets)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return points
