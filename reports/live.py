"""What is shown of a drill while it runs. For the eye only: nothing is judged by it, nothing of it is recorded."""

import io
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from reports.words import duration, plain


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The RTO's clock: from the confirmed fault until callers are served again."""

    seconds: float
    running: bool


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One moment of a drill, or of something else that takes a while (then without figures)."""

    title: str
    phase: str
    phase_s: float
    served: tuple[int, int] | None = None  # requests answered as expected, of all that have their result
    clock: Clock | None = None
    failing: str = ""  # why callers are not served
    rto_s: float | None = None


def clock(now_ns: int, t0_ns: int | None, served_since_ns: int | None) -> Clock | None:
    """Read the clock: None before the fault; stopped at the start of the clean window that lasts until now."""
    if t0_ns is None:
        return None
    until = now_ns if served_since_ns is None else served_since_ns
    return Clock(seconds=max(0, until - t0_ns) / 1e9, running=served_since_ns is None)


def told(picture: Picture) -> str:
    """Tell it in one plain line."""
    parts = [f"{plain(picture.title)}: {plain(picture.phase)}, {picture.phase_s:.0f} s", *_figures(picture)]
    return "; ".join(parts)


def drawn(picture: Picture, width: int) -> list[str]:
    """Draw it in two lines of at most `width` columns, coloured for a terminal."""
    first = Text.assemble("  ", (plain(picture.title), "bold"), ": ", (plain(picture.phase), "cyan"))
    first.append(f"  {picture.phase_s:.1f} s", style="dim")
    over = picture.clock and picture.rto_s is not None and picture.clock.seconds > picture.rto_s
    style = "red" if over else "yellow" if picture.clock and picture.clock.running else "green"
    second = Text("    " + "; ".join(_figures(picture)), style=style)
    return [_line(text, width) for text in (first, second) if text.plain.strip()]


def _figures(picture: Picture) -> list[str]:
    told = []
    if picture.clock and picture.rto_s is not None:
        state = "running" if picture.clock.running else "stopped"
        told.append(f"RTO clock {state} {picture.clock.seconds:.1f} s of {duration(picture.rto_s)}")
    if picture.served and picture.served[1]:
        good, answered = picture.served
        told.append(f"{_percent(good, answered)} of {answered} requests served")
    if picture.clock and picture.clock.running and picture.failing:
        told.append(plain(picture.failing, 80))
    return told


def _percent(part: int, whole: int) -> str:
    """Tell a share in tenths of a percent, rounded down: 100 % only when it is all."""
    return f"{part * 1000 // whole / 10:.1f} %"


def _line(text: Text, width: int) -> str:
    page = io.StringIO()
    console = Console(file=page, force_terminal=True, width=max(20, width), highlight=False, legacy_windows=False)
    text.truncate(console.width - 1, overflow="ellipsis")
    console.print(text, end="", no_wrap=True)
    return page.getvalue()
