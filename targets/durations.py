"""Durations as people write them: `250 ms`, `30s`, `15 min`, `1 h`, `2d`."""

import re

UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.IGNORECASE)


def seconds(text: str) -> float:
    """Read a duration in seconds. ValueError that says what is wrong and what would be right."""
    match = _WRITTEN.fullmatch(text)
    if not match or match[2].lower() not in UNITS:
        raise ValueError(f"{text!r} is not a duration; write a number and a unit of {', '.join(UNITS)}, as in '15 min'")
    return float(match[1]) * UNITS[match[2].lower()]
