"""`python -m probes watch URL`: a stopwatch for a failover done by hand."""

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.text import Text

from probes import subjects
from probes.byhand import Clock, Screen, follow, milliseconds, running, told
from probes.public import harmless, public
from probes.stopwatch import NS, Outage, Stopwatch, Tally, Tick
from targets.target import BadInput

ALIASES = {"https": "http", "postgres": "postgresql"}
RED = "white on red"
SILENT_S = 0.1  # unanswered for longer than that is shown
FINISH_S = 10.0  # on top of the last requests' timeout
KEPT, EXCEEDED, CANNOT_TELL = 0, 1, 3  # 2 is bad input
SAID = {KEPT: "kept", EXCEEDED: "exceeded", CANNOT_TELL: "cannot tell: the watch itself lagged, or too close to call"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asked for; times in seconds."""

    url: str
    every_s: float = 0.02
    for_s: float | None = None
    rto_s: float | None = None
    timeout_s: float = 1.0
    window_s: float = 0.5
    method: str = "GET"
    expect: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    as_json: bool = False


def run(asked: Asked) -> int:
    """Watch until the time is over or Ctrl-C, tell what was seen; returns the exit code. BadInput for a bad URL."""
    watch = Watch(asked)
    with running(spec(asked), "samples.jsonl") as client, watch.screen as screen:
        screen.say(f"watching {public(asked.url)} every {milliseconds(int(asked.every_s * NS))}; Ctrl-C ends it")
        follow(client, watch.take, asked.for_s)
        client.client.finish(asked.timeout_s + FINISH_S)
        for tick in client.ticks.read():
            watch.take(tick)
    return watch.end()


def spec(asked: Asked) -> dict[str, Any]:
    """Say what the client is to do. BadInput when no kind of stream fits the URL."""
    scheme = urlsplit(asked.url).scheme.partition("+")[0]
    kind = ALIASES.get(scheme, scheme)
    if not subjects.offers(kind, "stream"):
        raise BadInput(
            f"URL {public(asked.url)!r}: nothing here asks {scheme or 'an address without a scheme'!r}; "
            "give http(s)://, postgresql://, redis+sentinel://, s3+http(s):// or tcp://"
        )
    stream: dict[str, Any] = {"name": "watch", "kind": kind, "url": asked.url}
    if kind == "http":
        stream |= {"method": asked.method, "expect": asked.expect, "headers": asked.headers}
    return {
        "interval_s": asked.every_s,
        "timeout_s": asked.timeout_s,
        "window_s": asked.window_s,
        "streams": [stream],
    }


class Watch:
    """What was seen so far, and how it is told."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.screen = Screen(sys.stderr if asked.as_json else sys.stdout, self.below)  # JSON has stdout for itself
        self.outages: list[Outage] = []
        self._interval_ns = int(asked.every_s * NS)
        self._stopwatch = Stopwatch(interval_ns=self._interval_ns, window_ns=int(asked.window_s * NS))
        self._tally, self._clock = Tally(), Clock()
        self._first_ns, self._next_ns = 0, time.monotonic_ns()

    def take(self, tick: Tick) -> None:
        """Count a tick, and tell at once what it shows."""
        before = self._stopwatch.open
        self._tally.take(tick)
        self._first_ns = self._first_ns or tick.intended_ns
        self._next_ns = tick.intended_ns + self._interval_ns
        if ended := self._stopwatch.take(tick):
            self._tell(ended)
        if self._stopwatch.open is not before and not tick.ok:
            self.screen.say(f"{self._clock.at(tick.intended_ns)} out: {harmless(tick.error or 'no reason given')}")

    def _tell(self, outage: Outage) -> None:
        self.outages.append(outage)
        if self.asked.as_json:
            print(json.dumps(as_json(outage)), flush=True)
        self.screen.say(f"outage {len(self.outages)}: {told(outage, self._clock)}")

    def end(self) -> int:
        """Tell of the outage that is still open, and sum up; returns the exit code."""
        if last := self._stopwatch.end():
            self._tell(last)
        for line in self._summary():
            self.screen.say(line)
        return self.verdict()

    def _summary(self) -> list[str]:
        tally, seconds = self._tally, (self._next_ns - self._first_ns) / NS if self._first_ns else 0.0
        share = "not measured" if tally.availability is None else f"{100 * tally.availability:.3f} %"
        down = sum(outage.downtime_s or 0 for outage in self.outages)
        open_ = ", and one is not over" if any(outage.end_ns is None for outage in self.outages) else ""
        served = f"availability {share} of {tally.requests} requests in {seconds:.1f} s"
        lines = [
            f"{served}; outages: {len(self.outages)}, {down:.3f} s in all{open_}",
            f"own lag: p99 {milliseconds(tally.lag_p99_ns)}, max {milliseconds(tally.lag_max_ns)}",
        ]
        if tally.lag_p99_ns > self._interval_ns:
            lines.append("this machine does not keep up: all that is said above is as blurred; use a longer --every")
        if tally.not_sent:
            lines.append(f"{tally.not_sent} requests were not sent, the watch came too late; they count as failed")
        if self.asked.rto_s is not None:
            lines.append(f"RTO {self.asked.rto_s:g} s: {SAID[self.verdict()]}")
        return lines

    def verdict(self) -> int:
        """Hold what was seen against --rto; an open outage exceeds it, one that the watch made itself says nothing."""
        limit_ns = float("inf") if self.asked.rto_s is None else self.asked.rto_s * NS
        lengths = [
            (float("inf") if o.end_ns is None else o.end_ns - o.start_ns, o.bound_ns)
            for o in self.outages
            if o.kind != "lagged"
        ]
        if any(length == float("inf") or length - bound > limit_ns for length, bound in lengths):
            return EXCEEDED
        blind = self._tally.lag_max_ns > self.asked.window_s * NS or self._tally.not_sent or not self._tally.requests
        close = any(length + bound > limit_ns for length, bound in lengths)
        return CANNOT_TELL if close or (blind and self.asked.rto_s is not None) else KEPT

    def below(self) -> RenderableType:
        """Draw the running clock."""
        now_ns, found, tally = time.monotonic_ns(), self._stopwatch.open, self._tally
        share = "" if tally.availability is None else f"availability {100 * tally.availability:.3f} %   "
        counts = f"   {share}{tally.requests} requests, {tally.failed} failed   lag {milliseconds(tally.lag_max_ns)}"
        if found is None:
            silent_s = (now_ns - self._next_ns) / NS
            if silent_s > 5 * self.asked.every_s + SILENT_S:
                return Text.assemble((f" no answer for {silent_s:.1f} s ", "black on yellow"), counts)
            return Text.assemble((" UP ", "black on green"), counts)
        since_s = ((found.good.intended_ns if found.good else now_ns) - found.first.intended_ns) / NS
        state = (f" BACK after {since_s:.2f} s? ", "black on yellow") if found.good else (f" OUT {since_s:.2f} s ", RED)
        lines: list[RenderableType] = [Text.assemble(state, counts)]
        if self.asked.rto_s:
            bar = ProgressBar(total=self.asked.rto_s, completed=min(since_s, self.asked.rto_s), width=40)
            lines += [bar, Text(f"RTO {since_s:.1f} of {self.asked.rto_s:g} s")]
        return Group(*lines)


def as_json(outage: Outage) -> dict[str, object]:
    """Write an outage for a program; t1_ns and t5_ns on the monotonic clock, t5_ns null while it is not over."""
    return {
        "t1_ns": outage.start_ns,
        "t5_ns": outage.end_ns,
        "downtime_s": outage.downtime_s,
        "bound_s": outage.bound_ns / NS,
        "failures": outage.failures,
        "kind": outage.kind,
        "error": harmless(outage.error or ""),
    }
