"""The table and the figures of trials."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.kit.killing import cases
from benchmarks.kit.killing.trial import Trial
from benchmarks.kit.result import Figure
from benchmarks.kit.stats import percentile
from benchmarks.kit.tables import number, table

RUNS = 500


@dataclass(frozen=True, kw_only=True)
class Goals:
    """What is wanted of labs of a kind."""

    runs: int
    sigkill_p95_ms: float


GOALS = {
    "local": Goals(runs=RUNS, sigkill_p95_ms=250),
    "containers": Goals(runs=100, sigkill_p95_ms=2000),
    "kind": Goals(runs=100, sigkill_p95_ms=5000),
}
HEAD = ("death", "runs", "left behind", "nothing open", "healed ms p50", "p95", "max", "begun ms p95")


def of_deaths(trials: Sequence[Trial]) -> str:
    """Tell each death in a line."""
    order = (*cases.DEATHS, cases.TAKEN, cases.UNDISTURBED)
    found = [[one for one in trials if one.death == death and not one.untried] for death in order]
    return table(HEAD, [_row(each) for each in found if each])


def _row(trials: Sequence[Trial]) -> tuple[str, ...]:
    healed = [one.healed_ms for one in trials if one.healed_ms is not None]
    begun = [one.reacted_ms for one in trials if one.reacted_ms is not None]
    times = [percentile(healed, 0.5), percentile(healed, 0.95), max(healed, default=None), percentile(begun, 0.95)]
    left, idle = sum(bool(one.left) for one in trials), sum(not one.open for one in trials)
    return (trials[0].death, str(len(trials)), str(left), str(idle), *("-" if t is None else number(t) for t in times))


def healers(trials: Sequence[Trial]) -> str:
    """Tell who put back what was open, for each death."""
    lines = []
    for death in (*cases.DEATHS, cases.TAKEN):
        by = Counter(who for one in trials if one.death == death for who in one.healed_by)
        if by:
            lines.append(f"  {death}: {', '.join(f'{who} ({count})' for who, count in by.most_common())}")
    return "\n".join(["healed by", *lines]) if lines else "nothing was open at any death"


def by_fault(trials: Sequence[Trial]) -> str:
    """Tell for each fault how long a SIGKILL's undo took: some have to start a server, which serves when it does."""
    killed = [one for one in trials if one.death == cases.SIGKILL and one.healed_ms is not None]
    found: dict[str, list[float]] = {}
    for one in killed:
        found.setdefault(" and ".join(one.faults), []).append(one.healed_ms or 0.0)
    rows = [(each, str(len(ms)), number(percentile(ms, 0.5)), number(max(ms))) for each, ms in sorted(found.items())]
    return table(("open at a SIGKILL", "times", "healed ms p50", "max"), rows) if rows else ""


def left(trials: Sequence[Trial], seed: int) -> list[str]:
    """Say what was left behind, and how to see it again; and what could not be tried."""
    said = [
        f"left behind by {one.death} {number(one.at_s)} s into {one.drill}"
        f"{', in a lab of its own' if one.ephemeral else ''} (--seed {seed} --case {one.index}):\n"
        + "\n".join(f"  {sentence}" for sentence in one.left)
        for one in trials
        if one.left
    ]
    untried = sorted({f"not tried here: {one.death}: {one.untried}" for one in trials if one.untried})
    return [*said, *untried]


def figures(trials: Sequence[Trial], goals: Goals, *, whole: bool) -> list[Figure]:
    """Hold what was measured against its goals; a part of the cases has no goal for their number."""
    deaths = [one for one in trials if one.death != cases.UNDISTURBED and not one.untried]
    killed = [one.healed_ms for one in deaths if one.death == cases.SIGKILL and one.healed_ms is not None]
    begun = [one.reacted_ms for one in deaths if one.death == cases.SIGKILL and one.reacted_ms is not None]
    goal = goals.sigkill_p95_ms if whole or killed else None
    undisturbed = [one for one in trials if one.death == cases.UNDISTURBED]
    return [
        Figure(name="runs", value=len(deaths), goal=goals.runs if whole else None, sense="at least"),
        Figure(name="runs that left something behind", value=sum(bool(one.left) for one in deaths), goal=0),
        Figure(
            name="drills that left something by themselves", value=sum(bool(one.left) for one in undisturbed), goal=0
        ),
        Figure(name="SIGKILL to healed, p95", value=percentile(killed, 0.95), unit="ms", goal=goal),
        Figure(name="SIGKILL to healing, p95", value=percentile(begun, 0.95), unit="ms"),
        Figure(name="runs that could not be tried", value=sum(bool(one.untried) for one in trials)),
    ]
