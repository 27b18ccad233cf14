"""The shapes of what lies in a run folder: frozen records, checked field by field while they are read.

All times are ints, `time.monotonic_ns()` of the host that ran the drill; durations in an objective are seconds.
Keys that a record does not know are passed over: a folder of a newer house can still be judged.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, Literal, TypeVar, cast, get_type_hints

from reports.values import reader

Record = TypeVar("Record")
NS = 1_000_000_000


class BadRecord(ValueError):
    """A record lacks a key, or holds a value that cannot be; the text names both."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a drill is held to (`objective.json`)."""

    drill: str
    title: str
    component: str
    rto_s: float
    rpo_s: float | None  # None: nothing is promised about data
    severity: Literal["p0", "p1", "p2", "p3"]
    schedule: Literal["weekly", "monthly", "quarterly", "annual"]
    spares: tuple[str, ...]
    streams: tuple[str, ...]
    ledgers: tuple[str, ...]
    interval_s: float
    window_s: float
    timeout_s: float
    recovered_by: Literal["system", "stop"] = "system"  # who is to bring the service back
    experiment: str = ""
    rpos: Mapping[str, float] | None = None  # ledger -> seconds, where a ledger is held to an RPO of its own
    repeats: str | None = None  # the drill that this is one repetition of
    repetition: int | None = None  # 1, 2 ...
    repetitions: int | None = None  # how many there were to be

    def promised(self, ledger: str) -> float | None:
        """Give the RPO that a ledger is held to, seconds."""
        return (self.rpos or {}).get(ledger, self.rpo_s)

    def __post_init__(self) -> None:
        """Refuse times that nothing can be measured with."""
        for key, value, least in (
            ("rto_s", self.rto_s, 0),
            ("rpo_s", self.rpo_s or 0, 0),
            ("interval_s", self.interval_s, 1e-6),
            ("window_s", self.window_s, self.interval_s),
            ("timeout_s", self.timeout_s, 1e-6),
        ):
            if value < least:
                raise BadRecord(f"{key} is {value}, it must be at least {least}")
        if not self.streams:
            raise BadRecord("streams is empty, there is nothing to judge the RTO on")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One request of the open-loop client, at the time it was meant to leave."""

    stream: str
    intended_ns: int
    sent_ns: int
    done_ns: int
    ok: bool
    error: str | None = None

    @property
    def lag_ns(self) -> int:
        """How late the client sent it: the client's fault, not the service's."""
        return max(0, self.sent_ns - self.intended_ns)

    @property
    def says(self) -> str | None:
        """Why it failed."""
        return self.error


@dataclass(frozen=True, kw_only=True, slots=True)
class Write:
    """One numbered write of a ledger; a request, too, of which only an acked one succeeded."""

    ledger: str
    seq: int
    intended_ns: int
    sent_ns: int
    done_ns: int
    outcome: Literal["acked", "failed", "unknown"]
    error: str | None = None

    @property
    def stream(self) -> str:
        """Name who made the request."""
        return self.ledger

    @property
    def ok(self) -> bool:
        """Tell whether it was confirmed."""
        return self.outcome == "acked"

    @property
    def lag_ns(self) -> int:
        """How late the client sent it."""
        return max(0, self.sent_ns - self.intended_ns)

    @property
    def says(self) -> str | None:
        """Why it was not confirmed."""
        return self.error or (None if self.ok else self.outcome)


Request = Sample | Write


@dataclass(frozen=True, kw_only=True)
class FinalRead:
    """What a ledger's complete read found after the recovery: one entry per stored row."""

    complete: bool
    seqs: tuple[int, ...]
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One probe or action of the experiment."""

    name: str
    kind: str
    phase: str
    status: str
    output: Any = None
    started_ns: int | None = None
    ended_ns: int | None = None
    tolerance_met: bool | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One occurrence of a fault, and how it was undone."""

    id: str
    fault: str
    target: str
    plan: Mapping[str, Any]
    prepares: bool = False  # it set the stage for another one
    inject_started_ns: int | None = None
    hurts_from_ns: int | None = None
    injected_at_ns: int | None = None
    bite: bool | None = None
    bite_note: str | None = None
    heal_started_ns: int | None = None
    healed_at_ns: int | None = None
    residue: tuple[Any, ...] = ()
    error: str | None = None
    healed_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Journal:
    """What chaostoolkit says of the steady state; None where it did not look."""

    status: str
    before: bool | None
    after: bool | None


@dataclass(frozen=True, kw_only=True)
class Session:
    """The harness's last words about a drill."""

    recovered: bool
    why_not: str | None = None
    error: str | None = None
    ended_ns: int


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Of a client that ran on another machine: all its times are told in this one's (`clock.json`)."""

    offset_ns: int  # by which its clock was behind
    bound_ns: int  # how far that may be from the truth


@dataclass(frozen=True, kw_only=True)
class Run:
    """One session (`run.json`)."""

    id: str
    started_at: str
    target: str
    system: str
    versions: Mapping[str, Any]
    ended_at: str | None = None
    calibration: Mapping[str, Any] | None = None  # of the meter; None: it was not calibrated on that machine


def build(kind: type[Record], row: object) -> Record:
    """Make a record of a JSON object. BadRecord names the key that is missing or wrong."""
    if not isinstance(row, dict):
        raise BadRecord("it is not a JSON object")
    values: dict[str, Any] = {}
    for name, needed, convert in _plan(cast("Any", kind)):
        if name in row:
            try:
                values[name] = convert(row[name])
            except (TypeError, ValueError) as wrong:
                raise BadRecord(f"{name} is {row[name]!r:.80}, {wrong}") from None
        elif needed:
            raise BadRecord(f"{name} is missing")
    return kind(**values)


@cache
def _plan(kind: Any) -> tuple[tuple[str, bool, Callable[[Any], Any]], ...]:
    hints = get_type_hints(kind)
    return tuple((f.name, f.default is MISSING, reader(hints[f.name])) for f in fields(kind))
