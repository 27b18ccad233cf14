"""A run on a terminal or in a pipe: one table, the reasons of every drill that was not met, and the score."""

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reports import calibration, repeated
from reports.outcome import Outcome
from reports.runs import Told, tell
from reports.score import Score
from reports.words import NOT_MEASURED, count, duration, plain, with_bound

STYLES = {"met": "green", "missed": "bold red", "unknown": "yellow"}
WIDE = 140  # columns from which every number has a column of its own


def summary(run_folder: Path, console: Console) -> None:
    """Judge a run from its folder and print it."""
    show(tell(run_folder), console)


def show(told: Told, console: Console) -> None:
    """Print what is told about a run."""
    console.print(head(told))
    console.print(Text(calibration.told(told.run.calibration if told.run else None)))
    console.print()
    if told.drills:
        once = [drill.worst for drill in told.drills]
        console.print(_wide(once) if console.width >= WIDE else _narrow(once))
        console.print()
    repeated.show([drill for drill in told.drills if drill.asked > 1], console)
    for drill in told.drills:
        if len(drill.repetitions) < drill.asked:
            _reasons(replace(drill.worst, why=drill.worst.why[:1]), console)
        for outcome in drill.repetitions:
            _reasons(outcome, console)
    for difference in told.differences:
        console.print(Text(f"! {difference}", style="yellow"))
    _score(told.score, console)


def head(told: Told) -> Text:
    """Name a run, its system, its target and when it began."""
    run = told.run
    if run is None:
        return Text(f"run {plain(told.folder.name)} ({told.problem})", style="bold")
    began = plain(run.started_at, 19).removesuffix("…").replace("T", " ")[:16]
    return Text(f"run {plain(run.id)}: {plain(run.system)} on {plain(run.target)}, {began} UTC", style="bold")


def _wide(outcomes: Sequence[Outcome]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("drill", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for title in ("RTO ± bound / objective", "RPO / objective"):
        table.add_column(title, no_wrap=True)
    for title in ("lost", "recovered", "unexpected", "duplicate", "undo"):
        table.add_column(title, no_wrap=True, justify="right")
    for o in outcomes:
        table.add_row(
            plain(o.drill),
            verdict(o),
            " / ".join(_held(rto(o), o.rto_objective_s)),
            " / ".join(_held(rpo(o), o.rpo_objective_s if o.rpo_applies else None)),
            *map(count, _counts(o)),
            "-" if o.undo_s is None else duration(o.undo_s),
        )
    return table


def _narrow(outcomes: Sequence[Outcome]) -> Table:
    """Put the objectives, and half of the counts, on a second line."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("drill", overflow="fold")
    for title in ("verdict", "RTO ± bound\nobjective", "RPO\nobjective"):
        table.add_column(title, no_wrap=True)
    for title in ("lost/recov.\nunexp./dup.", "undo"):
        table.add_column(title, no_wrap=True, justify="right")
    for o in outcomes:
        lost, recovered, unexpected, duplicates = map(count, _counts(o))
        table.add_row(
            "\n".join(textwrap.wrap(plain(o.drill), 22)),  # breaks at dashes
            verdict(o),
            "\nof ".join(_held(rto(o), o.rto_objective_s)),
            "\nof ".join(_held(rpo(o), o.rpo_objective_s if o.rpo_applies else None)),
            f"{lost} / {recovered}\n{unexpected} / {duplicates}",
            "-" if o.undo_s is None else duration(o.undo_s),
        )
    return table


def _held(measured: str, objective_s: float | None) -> tuple[str, ...]:
    return (measured,) if objective_s is None else (measured, duration(objective_s))


def verdict(outcome: Outcome) -> Text:
    """Tell a verdict in its colour."""
    return Text(outcome.verdict, style=STYLES[outcome.verdict])


def rto(outcome: Outcome) -> str:
    """Tell an RTO with its bound; of a service that never came back, how long it was watched."""
    if outcome.rto_s is None and outcome.rto_at_least_s is not None:
        return f"over {duration(outcome.rto_at_least_s)}"
    return with_bound(outcome.rto_s, outcome.rto_bound_s)


def rpo(outcome: Outcome) -> str:
    """Tell an RPO; a loss with its bound."""
    if not outcome.rpo_applies:
        return "no ledger" if outcome.severity else NOT_MEASURED  # without an objective nobody knows
    return with_bound(outcome.rpo_s, outcome.rpo_bound_s) if outcome.rpo_s else duration(outcome.rpo_s)


def line(outcome: Outcome) -> str:
    """Tell a drill in one line, as soon as it is over."""
    parts = [f"RTO {' of '.join(_held(rto(outcome), outcome.rto_objective_s))}"]
    if outcome.rpo_applies:
        parts.append(f"RPO {' of '.join(_held(rpo(outcome), outcome.rpo_objective_s))}")
    why = "" if outcome.met else f": {plain(outcome.why[0], 200)}"
    return f"{plain(outcome.drill)}: {outcome.verdict}, {', '.join(parts)}{why}"


def _counts(outcome: Outcome) -> tuple[int | None, int | None, int | None, int | None]:
    writes = outcome.writes
    return writes.lost, writes.recovered, writes.unexpected, writes.duplicates


def _reasons(outcome: Outcome, console: Console) -> None:
    """Give every reason of a drill that was not met, and the remarks on one that was."""
    told = outcome.why[1:] if outcome.met else outcome.why
    if not told:
        return
    console.print(Text.assemble((plain(outcome.drill), "bold"), ": ", verdict(outcome)))
    for says in told:
        _item(Text(plain(says, 500)), console)
    console.print()


def _item(text: Text, console: Console) -> None:
    """Print an item so that its further lines stand under its first."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("-", text)
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def _score(score: Score, console: Console) -> None:
    coverage = f"coverage {score.counted} of {score.due} due drills"
    if score.points is None:
        console.print(Text(f"score {NOT_MEASURED} ({coverage})", style="bold"))
    else:
        worst = (
            f", worst drill: {score.worst} with {tenth(score.marks[score.worst])}" if score.lost and score.worst else ""
        )
        console.print(Text(f"score {tenth(score.points)} of 100 ({coverage}){worst}", style="bold"))
    for loss, points in zip(score.lost, shares([loss.points for loss in score.lost]), strict=True):
        _item(Text(f"{points:.1f} lost by {plain(loss.drill)}: {plain(loss.why)}"), console)
    if score.not_counted:
        _item(Text(f"not counted: {', '.join(map(plain, score.not_counted))}"), console)


def tenth(points: Fraction) -> str:
    """Tell points with one decimal; 100.0 only when nothing at all was lost."""
    return f"{(points * 10).__floor__() / 10:.1f}"


def shares(parts: Sequence[Fraction]) -> list[float]:
    """Round to tenths so that what is shown adds up to what is shown as lost (the largest remainders go up)."""
    tenths = [part * 10 for part in parts]
    whole = [part.__floor__() for part in tenths]
    missing = sum(tenths, Fraction(0)).__ceil__() - sum(whole)
    by_rest = sorted(range(len(parts)), key=lambda at: whole[at] - tenths[at])
    for at in by_rest[:missing]:
        whole[at] += 1
    return [number / 10 for number in whole]
