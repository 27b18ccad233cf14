"""The verdict on a drill, from its folder alone.

    unknown   the experiment is in doubt, whatever was seen (an INVALID finding): interrupted or stopped by hand; no
              fault, or one not proven active; not steady before; the client lagged or stood still; no objective
    missed    else, when an objective was seen not to be met (MISSED)
    unknown   else, when something is not known (OPEN): a file is missing, a tool broke, the undo failed or left
              residue, RPO was not measured, a number is within its bound of the objective
    met       else

`why` tells all of them, the heaviest first; a miss that an invalid experiment saw is told, and not counted.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reports import data, outages, record, recovery, trial
from reports.data import Data
from reports.folder import Drill, read_drill
from reports.outcome import Finding, Outcome, Phases, Weight, invalid, unproven, verdict
from reports.recovery import Recovery
from reports.shapes import NS, Objective
from reports.trial import Fault
from reports.words import duration, many, plain, with_bound

__all__ = ["Outcome", "judge", "write_outcome"]


def judge(folder: Path) -> Outcome:
    """Judge one drill. Reads only; whatever is missing or torn is in `why`, it never raises for it."""
    return judge_drill(read_drill(folder))


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Leave the outcome beside the records, as outcome.json."""
    record.write(folder / "outcome.json", outcome.to_json())


def judge_drill(drill: Drill) -> Outcome:
    """Judge a drill that was read."""
    objective, hit = drill.objective, trial.fault(drill)
    if objective is None:
        return _without_objective(drill)
    back = recovery.measure(drill, objective, hit) if hit else None
    books = data.measure(drill, objective, hit) if hit else None
    found = list(_findings(drill, objective, hit, back, books))
    ruling = verdict(found)
    why = _why(found)
    if ruling == "met":
        why = (_numbers(objective, back, books, _undo_s(drill)), *why)
    return Outcome(
        drill=objective.drill,
        title=objective.title,
        component=objective.component,
        severity=objective.severity,
        schedule=objective.schedule,
        repeats=objective.repeats,
        repetition=objective.repetition,
        repetitions=objective.repetitions,
        verdict=ruling,
        why=why,
        phases=_phases(drill, hit, back),
        rto_objective_s=objective.rto_s,
        rpo_objective_s=books.promised_s if books else objective.rpo_s,
        rpo_applies=bool(objective.ledgers) and objective.rpo_s is not None,
        undo_s=_undo_s(drill),
        put_back=bool(drill.injections) and trial.healed(drill),
        residue=tuple(plain(left) for i in drill.injections for left in i.residue),
        injections=drill.injections,
        **_rto(drill, back),
        **_rpo(books),
        client=_client(drill, objective, hit),
    )


def _without_objective(drill: Drill) -> Outcome:
    why = [invalid(drill.problems["objective.json"]), *trial.put_back(drill), *trial.session(drill)]
    why += [unproven(says) for name, says in drill.problems.items() if name != "objective.json"]
    return Outcome(
        drill=drill.name,
        verdict="unknown",
        why=_why(why),
        put_back=bool(drill.injections) and trial.healed(drill),
        injections=drill.injections,
    )


def _findings(
    drill: Drill, objective: Objective, hit: Fault | None, back: Recovery | None, books: Data | None
) -> Iterator[Finding]:
    yield from trial.injected(drill)
    if hit:
        yield from recovery.findings(back, drill, objective)
        yield from trial.watched(drill, objective, hit)
    if books:
        yield from data.findings(books, objective)
    yield from trial.steady_state(drill)
    yield from trial.put_back(drill)
    yield from trial.session(drill)
    yield from trial.records(drill)


def _why(found: Sequence[Finding]) -> tuple[str, ...]:
    """Order the sentences by weight; what an invalid experiment saw is marked.

    An interruption, or a stop by hand, comes first: it is why everything else is missing.
    """
    doubted = any(f.weight is Weight.INVALID for f in found)
    told = [
        f"seen, but it proves nothing: {f.says}" if doubted and f.weight is Weight.MISSED else f.says
        for f in sorted(found, key=lambda f: f.weight)
    ]
    told.sort(key=lambda says: not (says == trial.INTERRUPTED or says.startswith(trial.ENDED)))
    return tuple(dict.fromkeys(told))


def _numbers(objective: Objective, back: Recovery | None, books: Data | None, undo_s: float | None) -> str:
    """Say in one sentence what was met."""
    if back is None or back.rto_ns is None:
        raise ValueError("a drill without a recovery cannot be met")
    rto, bound = back.rto_ns / NS, back.bound_ns / NS
    served = f"served again after {with_bound(rto, bound)}" if back.t1_ns else "callers did not notice"
    says = f"{served} (objective {duration(objective.rto_s)})"
    if books and books.accounts and books.rpo_ns is not None:
        lost, acked = books.counts.lost or 0, many(books.counts.acked, "acknowledged write")
        says += f", {f'{lost} of' if lost else 'none of'} {acked} lost"
        own = "".join(f", {duration(rpo)} for {ledger}" for ledger, rpo in (objective.rpos or {}).items())
        says += f" (objective {duration(objective.rpo_s)}{own})" if objective.rpo_s is not None else ""
    return says + (f", put back in {duration(undo_s)}" if undo_s is not None else "")


def _rto(drill: Drill, back: Recovery | None) -> dict[str, Any]:
    if back is None:
        return {}
    after = [a for a in drill.activities if a.phase in ("method", "after")]
    healthy = bool(drill.journal and drill.journal.after) and all(a.tolerance_met is not False for a in after)
    served = back.rto_ns is not None and bool(drill.session and drill.session.recovered)
    return {
        "rto_s": _seconds(back.rto_ns),
        "rto_bound_s": _seconds(back.bound_ns),
        "rto_at_least_s": _seconds(back.at_least_ns),
        "outside_rto_s": _seconds(back.outside.rto_ns) if back.outside else None,
        "outside_rto_bound_s": _seconds(back.outside.bound_ns) if back.outside else None,
        "downtime_s": _seconds(back.downtime_ns),
        "came_back": served and healthy,
        "spared_hit": tuple(dict.fromkeys(o.stream for o in back.spared)),
    }


def _rpo(books: Data | None) -> dict[str, Any]:
    if books is None or not books.accounts:
        return {}
    bound = None if books.rpo_ns is None else books.bound_ns
    return {"rpo_s": _seconds(books.rpo_ns), "rpo_bound_s": _seconds(bound), "writes": books.counts}


def _client(drill: Drill, objective: Objective, hit: Fault | None) -> outages.Client:
    names = dict.fromkeys(objective.streams)
    since = hit.struck_ns if hit else 0
    return outages.client(
        [s for name in names for track in drill.tracks.get(name, ()) for s in track if s.intended_ns >= since]
    )


def _undo_s(drill: Drill) -> float | None:
    times = [
        i.healed_at_ns - i.heal_started_ns
        for i in drill.injections
        if i.healed_at_ns is not None and i.heal_started_ns is not None
    ]
    return sum(times) / NS if times else None


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / NS


def _phases(drill: Drill, hit: Fault | None, back: Recovery | None) -> Phases:
    def told(key: str) -> list[int]:
        outputs = [a.output for a in drill.activities if a.phase != "before" and isinstance(a.output, dict)]
        return [o[key] for o in outputs if type(o.get(key)) is int]

    return Phases(
        t0=hit.t0_ns if hit else None,
        t1=back.t1_ns if back else None,
        t2=min(told("detected_ns"), default=None),
        t3=min(told("recovery_started_ns"), default=None),
        t4=back.t4_ns if back else None,
        t5=back.t5_ns if back else None,
        t6=max(told("redundant_ns"), default=None),
    )
