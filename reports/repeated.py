"""Drills that were played several times, as a table: how much their numbers differ, and how often each verdict fell."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.repeats import Group, Spread
from reports.words import duration, plain

COUNTED = (
    "A repeated drill counts once, by its worst repetition: one repeats to find the run that fails. "
    "Unknown repetitions have no numbers here."
)


def show(drills: Sequence[Group], console: Console) -> None:
    """Print the repeated drills; nothing where there are none."""
    if not drills:
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("repeated", overflow="fold")
    table.add_column("verdicts", overflow="fold")
    for title in ("", "median", "worst", "spread"):
        table.add_column(title, no_wrap=True, justify="right" if title else "left")
    for drill in drills:
        said = ", ".join(f"{count} {verdict}" for verdict, count in drill.verdicts.items())
        table.add_row(plain(drill.drill), f"{said} of {drill.asked}", "RTO", *_numbers(drill.rto))
        table.add_row("", "", "RPO", *(_numbers(drill.rpo) if drill.worst.rpo_applies else ("no ledger", "", "")))
    console.print(table)
    console.print(Text(COUNTED, style="dim"))
    console.print()


def _numbers(spread: Spread) -> tuple[str, str, str]:
    return duration(spread.median_s), duration(spread.worst_s), duration(spread.spread_s)
