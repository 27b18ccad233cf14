"""Drills that were played several times in one run (`--repeat N`): one lucky run is no evidence.

Each repetition is a drill of its own, judged alone.  Together they count ONCE, by their worst: a promise is kept only
if it is kept every time, one repeats to find the run that fails, and an average would hide just that one.

    verdict      missed when any repetition was; else unknown when any was, or when some were not played; else met
    RTO, RPO     the worst each; not measured when any counted repetition did not measure it, or never came back
    writes       of all repetitions together
    put back     only when every repetition was, the unknown ones too

The numbers come from the repetitions that were met or missed: what an unknown one saw proves nothing.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from reports.outcome import Counts, Outcome, Verdict


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What a number came to over the repetitions, in seconds; None when it was not measured every time."""

    median_s: float | None
    worst_s: float | None
    spread_s: float | None  # the worst less the best


@dataclass(frozen=True, kw_only=True)
class Group:
    """A drill, with all its repetitions in order; one that was played once is a group of one."""

    drill: str
    asked: int  # how many repetitions there were to be
    repetitions: tuple[Outcome, ...]
    worst: Outcome  # what counts

    @property
    def counted(self) -> tuple[Outcome, ...]:
        """The repetitions that say something."""
        return tuple(o for o in self.repetitions if o.verdict != "unknown")

    @property
    def verdicts(self) -> dict[str, int]:
        """How often each verdict was given, those that were not played aside."""
        said = [o.verdict for o in self.repetitions]
        return {verdict: said.count(verdict) for verdict in ("met", "missed", "unknown") if verdict in said}

    @property
    def rto(self) -> Spread:
        """The RTO over the repetitions that say something."""
        return _spread([o.rto_s for o in self.counted])

    @property
    def rpo(self) -> Spread:
        """The RPO over the repetitions that say something."""
        return _spread([o.rpo_s for o in self.counted])

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, without the repetitions' own outcomes."""
        return {
            "drill": self.drill,
            "asked": self.asked,
            "repetitions": [o.drill for o in self.repetitions],
            "verdict": self.worst.verdict,
            "verdicts": self.verdicts,
            "rto": asdict(self.rto),
            "rpo": asdict(self.rpo),
        }


def groups(outcomes: Sequence[Outcome]) -> tuple[Group, ...]:
    """Put the repetitions of each drill together, in the order of their names."""
    together: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        together.setdefault(outcome.repeats or outcome.drill, []).append(outcome)
    return tuple(_group(drill, every) for drill, every in together.items())


def _group(drill: str, every: Sequence[Outcome]) -> Group:
    ordered = tuple(sorted(every, key=lambda o: o.repetition or 0))
    asked = max(len(ordered), *(o.repetitions or 1 for o in ordered))
    worst = ordered[0] if asked == 1 else _worst(drill, ordered, asked)
    return Group(drill=drill, asked=asked, repetitions=ordered, worst=worst)


def _worst(drill: str, every: Sequence[Outcome], asked: int) -> Outcome:
    counted = [o for o in every if o.verdict != "unknown"] or list(every)
    slowest = max(counted, key=lambda o: (o.rto_s is None, o.rto_at_least_s or 0, o.rto_s or 0))
    dearest = max(counted, key=lambda o: (o.rpo_s is None, o.rpo_s or 0))
    return replace(
        slowest,
        drill=drill,
        verdict=_verdict(every, asked),
        why=_why(every, asked),
        rpo_s=dearest.rpo_s,
        rpo_bound_s=dearest.rpo_bound_s,
        came_back=all(o.came_back for o in counted),
        writes=_counts(counted),
        undo_s=max((o.undo_s for o in every if o.undo_s is not None), default=None),
        put_back=all(o.put_back for o in every),
        residue=tuple(left for o in every for left in o.residue),
        injections=tuple(injection for o in every for injection in o.injections),
        spared_hit=tuple(dict.fromkeys(stream for o in counted for stream in o.spared_hit)),
    )


def _verdict(every: Sequence[Outcome], asked: int) -> Verdict:
    said = {o.verdict for o in every}
    if "missed" in said:
        return "missed"
    return "unknown" if "unknown" in said or len(every) < asked else "met"


def _why(every: Sequence[Outcome], asked: int) -> tuple[str, ...]:
    missing = (f"only {len(every)} of {asked} repetitions were played",) if len(every) < asked else ()
    return (*missing, *(f"{o.drill}: {o.verdict}: {o.why[0]}" for o in every if not o.met))


def _counts(every: Sequence[Outcome]) -> Counts:
    """Add the writes up; a number that one repetition does not know is not known."""
    totals: dict[str, Any] = {}
    for each in fields(Counts):
        values = [getattr(o.writes, each.name) for o in every]
        totals[each.name] = None if None in values else sum(values)
    return Counts(**totals)


def _spread(values: Sequence[float | None]) -> Spread:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return Spread(median_s=None, worst_s=None, spread_s=None)
    return Spread(median_s=statistics.median(known), worst_s=max(known), spread_s=max(known) - min(known))
