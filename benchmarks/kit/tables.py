"""Plain tables and numbers, the same on a terminal and in a pipe."""

from collections.abc import Sequence


def number(value: float | None) -> str:
    """Tell a number with three digits that count; whole ones as they are."""
    if value is None:
        return "not measured"
    if float(value).is_integer():
        return f"{value:,.0f}"
    size = abs(value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows under their heads: the first column to the left, all others to the right."""
    every = [head, *rows]
    widths = [max(len(row[at]) for row in every) for at in range(len(head))]
    lines = [_line(row, widths) for row in every]
    return "\n".join(line.rstrip() for line in (lines[0], "─" * len(lines[0]), *lines[1:]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])
