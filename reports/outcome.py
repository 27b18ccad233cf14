"""What a drill came to: the findings, the verdict that follows from them, and the numbers behind it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, Literal

from reports.outages import Client
from reports.shapes import Injection

Verdict = Literal["met", "missed", "unknown"]


class Weight(IntEnum):
    """How a finding bears on the verdict, the heaviest first."""

    INVALID = 0  # the experiment or the client is in doubt: nothing that was seen proves anything
    MISSED = 1  # an objective was not met, and it was seen
    OPEN = 2  # something is not known: not met, unless it was already seen to be missed
    NOTE = 3  # worth knowing


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence about a drill."""

    weight: Weight
    says: str


def invalid(says: str) -> Finding:
    """Doubt the whole experiment."""
    return Finding(weight=Weight.INVALID, says=says)


def missed(says: str) -> Finding:
    """State a missed objective."""
    return Finding(weight=Weight.MISSED, says=says)


def unproven(says: str) -> Finding:
    """State what is not known."""
    return Finding(weight=Weight.OPEN, says=says)


def note(says: str) -> Finding:
    """Say something that does not bear on the verdict."""
    return Finding(weight=Weight.NOTE, says=says)


def verdict(findings: Sequence[Finding]) -> Verdict:
    """Let the heaviest finding decide; only a drill without any is met."""
    heaviest = min((f.weight for f in findings), default=Weight.NOTE)
    if heaviest is Weight.NOTE:
        return "met"
    return "missed" if heaviest is Weight.MISSED else "unknown"


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The moments of a drill, ns monotonic; None where it was not observed."""

    t0: int | None = None  # the fault is confirmed
    t1: int | None = None  # the first failed request was meant to leave
    t2: int | None = None  # somebody noticed
    t3: int | None = None  # the recovery started
    t4: int | None = None  # first success
    t5: int | None = None  # start of the first lasting success
    t6: int | None = None  # full redundancy is back


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The writes of all ledgers together; None where no complete final read says."""

    attempted: int = 0
    acked: int = 0
    unknown: int = 0
    lost: int | None = None
    recovered: int | None = None
    unexpected: int | None = None
    duplicates: int | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Outcome:
    """A drill's verdict and all it rests on. Durations in seconds; None is "not measured", and `why` says why."""

    drill: str
    title: str = ""
    component: str = ""
    severity: str | None = None
    schedule: str | None = None
    verdict: Verdict
    why: tuple[str, ...]  # every reason, the most important first
    phases: Phases = Phases()
    rto_s: float | None = None
    rto_bound_s: float | None = None
    rto_at_least_s: float | None = None  # never came back: for how long that was watched
    rto_objective_s: float | None = None
    outside_rto_s: float | None = None  # as a second client saw it from farther away
    outside_rto_bound_s: float | None = None
    downtime_s: float | None = None  # of the worst stream, all its outages
    rpo_s: float | None = None
    rpo_bound_s: float | None = None
    rpo_objective_s: float | None = None
    rpo_applies: bool = False
    came_back: bool | None = None  # served again, and healthy: every probe within its tolerance
    writes: Counts = Counts()
    undo_s: float | None = None  # all heals together
    put_back: bool = False  # every injection healed, no residue
    residue: tuple[str, ...] = ()
    injections: tuple[Injection, ...] = ()
    spared_hit: tuple[str, ...] = ()  # streams that should not have noticed, and did
    repeats: str | None = None  # the drill that this is one repetition of, which one, and how many there were to be
    repetition: int | None = None
    repetitions: int | None = None
    client: Client | None = None  # from the fault on: what was judged

    @property
    def met(self) -> bool:
        """Only a verdict of met is one; unknown is not."""
        return self.verdict == "met"

    def __repr__(self) -> str:
        """Read well behind a failed assert."""
        return f"{self.drill}: {self.verdict}: {'; '.join(self.why)}"

    def to_json(self) -> dict[str, Any]:
        """Give what outcome.json holds."""
        return asdict(self)
