"""Where the numbers are in a JSON answer: `items[].seq`, `[].id`, `seqs[]`, `data.next`. Standard library only."""

import re

EACH = "[]"  # a step into every element of a list; any other step is a key
_WAY = re.compile(r"(?:[^.\[\]\s]+|(?=\[))(?:\[\])*(?:\.[^.\[\]\s]+(?:\[\])*)*")
_STEP = re.compile(r"\[\]|[^.\[\]]+")


def steps(way: str) -> tuple[str, ...]:
    """Split a way into its steps. ValueError when it is none."""
    if not _WAY.fullmatch(way):
        raise ValueError("that is no way through JSON; write keys with dots between them and [] for every element")
    return tuple(_STEP.findall(way))
