"""The same drills in several runs, side by side: on two targets, before and after a change, this quarter and the last.

A difference smaller than both bounds together was not measured, so no differences are told: only the numbers.
"""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports import terminal
from reports.outcome import Outcome
from reports.runs import Told
from reports.words import plain

ABSENT = "not played"


def show(runs: Sequence[Told], console: Console) -> None:
    """Print verdict and RTO with its bound of each drill in each run; those in one run only as well."""
    for number, told in enumerate(runs, 1):
        console.print(Text(f"{number}: ").append_text(terminal.head(told)))
    console.print()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("drill", overflow="fold")
    for number in range(1, len(runs) + 1):
        table.add_column(f"{number}: RTO ± bound", no_wrap=True)
        table.add_column("verdict", no_wrap=True)
    for drill, outcomes in side_by_side(runs).items():
        table.add_row(plain(drill), *(cell for outcome in outcomes for cell in _cells(outcome)))
    console.print(table)


def side_by_side(runs: Sequence[Told]) -> dict[str, tuple[Outcome | None, ...]]:
    """Map each drill to what each run says of it, None where it was not played."""
    known = [{group.drill: group.worst for group in told.drills} for told in runs]
    every = sorted({drill for run in known for drill in run})
    return {drill: tuple(run.get(drill) for run in known) for drill in every}


def _cells(outcome: Outcome | None) -> tuple[str, Text]:
    return (ABSENT, Text("")) if outcome is None else (terminal.rto(outcome), terminal.verdict(outcome))
