"""How numbers are told: durations with a fitting unit, bounds in the same unit, other people's text made harmless."""

import math
from typing import Any

NOT_MEASURED = "not measured"
UNITS = (("h", 3600.0, 7200.0), ("min", 60.0, 120.0), ("s", 1.0, 1.0), ("ms", 0.001, 0.0))  # name, size, from


def duration(seconds: float | None) -> str:
    """Tell a duration: `230 ms`, `1.25 s`, `15 min`; at most three digits that count."""
    if seconds is None:
        return NOT_MEASURED
    if seconds == 0:
        return "0 s"
    name, size = unit(seconds)
    value = seconds / size
    digits = max(0, 2 - math.floor(math.log10(value))) if value else 0
    return f"{_trimmed(value, min(digits, 2))} {name}"


def with_bound(seconds: float | None, bound: float | None) -> str:
    """Tell a measured duration with its bound, rounded up: `1.23 ± 0.05 s`."""
    if seconds is None or bound is None:
        return duration(seconds)
    name, size = unit(seconds or bound)
    digits = _digits(bound / size)
    up = math.ceil(round(bound / size * 10**digits, 6)) / 10**digits
    return f"{seconds / size:.{digits}f} ± {up:.{digits}f} {name}"


def unit(seconds: float) -> tuple[str, float]:
    """Choose the unit a duration is told in: its name, and its size in seconds."""
    return next((name, size) for name, size, least in UNITS if seconds >= least)


def _digits(bound: float) -> int:
    """Count the decimals that show a bound's first digit, or two when it begins with 1 or 2; never more than three."""
    if bound <= 0:
        return 0
    exponent = math.floor(math.log10(bound))
    return min(3, max(0, (1 if bound / 10.0**exponent < 3 else 0) - exponent))


def _trimmed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(number: int | None) -> str:
    """Tell a count, `-` where nothing was counted."""
    return "-" if number is None else str(number)


def many(number: int, one: str) -> str:
    """Tell a count with its noun: `1 write`, `3 writes`."""
    return f"{number} {one}{'' if number == 1 else 's'}"


def plain(value: Any, limit: int = 160) -> str:
    """Make one harmless line of anything: no control characters, no more than `limit` characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
