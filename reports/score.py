"""One number for a run, and everything that pulled it down.

A drill that was met or missed earns 100 x (0.4 recovered + 0.3 RTO credit + 0.3 RPO credit):

    recovered    1 when callers were served again and every probe was within its tolerance
    RTO credit   1 at or under the objective, falling linearly to 0 at twice it; 0 when it never came back, and when
                 a spared service was hit (its objective is 0 s)
    RPO credit   the same for the loss; 0 when it was not measured, and when rows turned up that nobody wrote.
                 Where RPO does not apply its share is spread over the others in proportion: 0.4/0.7 and 0.3/0.7
    nothing      when an injection was not put back, or left residue

A result older than its drill's schedule keeps 75 % a month.  Drills weigh by severity.  Unknown drills, and drills
that were due and not played, earn nothing and cost nothing: they are missing from the coverage, which is always shown
with the score, and no coverage is no score.  Arithmetic is exact (fractions): score + all losses = 100.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from reports.outcome import Outcome
from reports.words import duration

SEVERITY_WEIGHTS = {"p0": 8, "p1": 4, "p2": 2, "p3": 1}
SCHEDULE_DAYS = {"weekly": 7, "monthly": 31, "quarterly": 92, "annual": 366}
RECOVERED, RTO, RPO = Fraction(4, 10), Fraction(3, 10), Fraction(3, 10)
KEPT_A_MONTH, MONTH_DAYS = 0.75, 30


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Points of the whole score that a drill cost, and why."""

    drill: str
    why: str
    points: Fraction


@dataclass(frozen=True, kw_only=True)
class Score:
    """The number, how much of the plan it stands on, and where the rest went."""

    points: Fraction | None  # of 100; None when no drill counts
    counted: int
    due: int
    marks: Mapping[str, Fraction]  # drill -> its own points of 100
    lost: tuple[Loss, ...]  # the dearest first
    not_counted: tuple[str, ...]  # due, and unknown or not played

    @property
    def worst(self) -> str | None:
        """The counted drill with the fewest points of its own, the one that costs most when several have."""
        costs = {drill: sum(loss.points for loss in self.lost if loss.drill == drill) for drill in self.marks}
        return min(self.marks, key=lambda drill: (self.marks[drill], -costs[drill], drill), default=None)

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, in floats."""
        return {
            "points": None if self.points is None else float(self.points),
            "counted": self.counted,
            "due": self.due,
            "worst": self.worst,
            "marks": {drill: float(points) for drill, points in self.marks.items()},
            "lost": [{"drill": x.drill, "why": x.why, "points": float(x.points)} for x in self.lost],
            "not_counted": list(self.not_counted),
        }


def score(
    outcomes: Sequence[Outcome], *, due: Collection[str] = (), age_days: Mapping[str, float] | None = None
) -> Score:
    """Score the outcomes, one for each drill.

    due        names of drills that should have been played; those in `outcomes` are due anyhow
    age_days   drill -> age of its result; one that is not named is of today
    """
    counted = [o for o in outcomes if o.verdict in ("met", "missed")]
    total = sum(_weight(o) for o in counted)
    marks: dict[str, Fraction] = {}
    lost: list[Loss] = []
    for outcome in counted:
        losses = _losses(outcome, (age_days or {}).get(outcome.drill, 0))
        marks[outcome.drill] = 100 - sum((x.points for x in losses), Fraction(0))
        share = Fraction(_weight(outcome), total)
        lost += [Loss(drill=x.drill, why=x.why, points=x.points * share) for x in losses]
    return Score(
        points=100 - sum((x.points for x in lost), Fraction(0)) if counted else None,
        counted=len(counted),
        due=len({*due, *(o.drill for o in outcomes)}),
        marks=marks,
        lost=tuple(sorted(lost, key=lambda x: (-x.points, x.drill, x.why))),
        not_counted=tuple(sorted({*due, *(o.drill for o in outcomes)} - marks.keys())),
    )


def _weight(outcome: Outcome) -> int:
    return SEVERITY_WEIGHTS[outcome.severity or "p0"]


def _losses(outcome: Outcome, age_days: float) -> list[Loss]:
    """List what one drill lost of its own 100 points."""
    if not outcome.put_back:
        return [Loss(drill=outcome.drill, why="the fault was not put back cleanly", points=Fraction(100))]
    whole = Fraction(1) if outcome.rpo_applies else RECOVERED + RTO
    parts = [(share / whole, credit, why) for share, credit, why in _parts(outcome)]
    lost = [
        Loss(drill=outcome.drill, why=why, points=100 * share * (1 - credit))
        for share, credit, why in parts
        if credit < 1
    ]
    kept, over = _kept(outcome, age_days)
    left = 100 - sum(x.points for x in lost)
    if kept < 1 and left:
        why = f"its result is {over:.0f} days older than its {outcome.schedule} schedule"
        lost.append(Loss(drill=outcome.drill, why=why, points=left * (1 - kept)))
    return lost


def _parts(outcome: Outcome) -> Iterator[tuple[Fraction, Fraction, str]]:
    """Give each part's share, its credit from 0 to 1, and the reason for what the credit lacks."""
    yield RECOVERED, Fraction(bool(outcome.came_back)), "the service did not come back healthy"
    if outcome.spared_hit:
        yield RTO, Fraction(0), f"{', '.join(outcome.spared_hit)} should not have noticed"
    else:
        took = "it never came back" if outcome.rto_s is None else f"RTO {duration(outcome.rto_s)}"
        yield (
            RTO,
            _credit(outcome.rto_s, outcome.rto_objective_s),
            f"{took}, objective {duration(outcome.rto_objective_s)}",
        )
    if outcome.rpo_applies and outcome.writes.unexpected:
        yield RPO, Fraction(0), "rows that nobody wrote"
    elif outcome.rpo_applies:
        took = "RPO not measured" if outcome.rpo_s is None else f"RPO {duration(outcome.rpo_s)}"
        yield (
            RPO,
            _credit(outcome.rpo_s, outcome.rpo_objective_s),
            f"{took}, objective {duration(outcome.rpo_objective_s)}",
        )


def _credit(measured: float | None, objective: float | None) -> Fraction:
    """1 at or under the objective, 0 from twice it on; what was not measured has none."""
    if measured is None or objective is None:
        return Fraction(0)
    if measured <= objective:
        return Fraction(1)
    return max(Fraction(0), 2 - Fraction(measured) / Fraction(objective)) if objective else Fraction(0)


def _kept(outcome: Outcome, age_days: float) -> tuple[Fraction, float]:
    """Give the share that an old result keeps, and how many days it is beyond its schedule."""
    over = max(0.0, age_days - SCHEDULE_DAYS[outcome.schedule or "monthly"])
    return Fraction(KEPT_A_MONTH ** (over / MONTH_DAYS)), over
