"""What the commands by hand share: a client of their own, following it until time or Ctrl-C, and a place to tell."""

import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live

from probes import handle
from probes.following import Following
from probes.stopwatch import NS, Outage, Tick

POLL_S = 0.02
FRAMES = 10  # a second
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A client at work, and what it has recorded."""

    client: handle.Client
    ticks: Following
    folder: Path


@contextmanager
def running(spec: Mapping[str, Any], records: str) -> Iterator[Run]:
    """Run a client in a folder that vanishes with it; `records` is the file of its only source."""
    with (
        tempfile.TemporaryDirectory(prefix="drillyard-by-hand-") as folder,
        handle.start({**spec, "folder": folder}) as client,
        closing(Following(Path(folder) / records)) as ticks,
    ):
        yield Run(client=client, ticks=ticks, folder=Path(folder))


def follow(run: Run, take: Callable[[Tick], None], for_s: float | None) -> None:
    """Hand over every tick for `for_s` seconds (None: no limit), or until Ctrl-C, SIGTERM or SIGHUP.

    DrillyardError when the client ends meanwhile.
    """
    until = None if for_s is None else time.monotonic() + for_s
    with _asked_to_stop() as stop:
        while not stop.is_set() and (until is None or time.monotonic() < until):
            for tick in run.ticks.read():
                take(tick)
            run.client.check()
            stop.wait(POLL_S)


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Take the first signal for a request to stop; afterwards a signal interrupts as usual."""
    stop = threading.Event()
    for one in SIGNALS:
        signal.signal(one, lambda *_: stop.set())
    try:
        yield stop
    finally:
        for one in SIGNALS:
            signal.signal(one, signal.default_int_handler)


class Screen:
    """Lines that stay and, on a terminal, something that runs below them."""

    def __init__(self, stream: TextIO, below: Callable[[], RenderableType]) -> None:
        self._stream, self._below = stream, below
        self._console = Console(file=stream, highlight=False)
        self._live: Live | None = None

    def say(self, line: str) -> None:
        """Print a line."""
        if self._live:
            self._console.print(line, markup=False, soft_wrap=True)
        else:
            print(line, file=self._stream, flush=True)

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._live = Live(
                get_renderable=self._below, console=self._console, refresh_per_second=FRAMES, transient=True
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None


class Clock:
    """The time of day that belongs to a time of the monotonic clock."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def at(self, ns: int) -> str:
        """Write a monotonic time as a time of day, UTC, to the millisecond."""
        moment = datetime.fromtimestamp((ns + self._offset_ns) / NS, UTC)
        return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def told(outage: Outage, clock: Clock) -> str:
    """Tell an outage in one line: `2.340 ± 0.021 s, from 07:31:02.120Z (t1) to ...`; the bound is rounded up."""
    bound = f"{-(-outage.bound_ns // 1_000_000) / 1000:.3f} s"
    start, what = clock.at(outage.start_ns), f"{outage.kind}, {outage.failures} requests failed"
    if outage.end_ns is None:
        return f"since {start} (t1) ± {bound}, not over, {what}"
    return f"{outage.downtime_s:.3f} ± {bound}, from {start} (t1) to {clock.at(outage.end_ns)} (t5), {what}"


def milliseconds(ns: int) -> str:
    """Tell a short time: `0.42 ms`."""
    return f"{ns / 1e6:.3g} ms" if ns < NS else f"{ns / NS:.2f} s"
