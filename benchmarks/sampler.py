"""How many endpoints one core can watch ten times a second before the client's lag passes 20 ms, and what limits it."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.kit import profiled
from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.stats import percentile
from benchmarks.kit.tables import number, table
from probes import handle
from reports.folder import read_drill
from targets.places import ROOT
from targets.target import BadInput, DrillyardError

AIM, LAG_MS, INTERVAL_S, TIMEOUT_S = 1000, 20.0, 0.1, 1.0
PORTS = 20
SETTLE_S = 1.0  # what is left out at either end
STEADY_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Held:
    """How one number of endpoints went."""

    endpoints: int
    lag_p50_ms: float
    lag_p99_ms: float
    failed: int
    requests: int
    busy: float  # the client's share of its core

    @property
    def ok(self) -> bool:
        """Tell whether the client kept its schedule, and whether all of it was real: no answer was missed."""
        return self.lag_p99_ms <= LAG_MS and not self.failed


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each number is held (default: 5)")
    parser.add_argument("--endpoints", type=int, help="hold this number only, instead of looking for the limit")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Double until the lag is too long, then halve the distance until it is known to 2 %."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BadInput("the client needs a core of its own beside the service's: give this process two")
    service = _Answerer(cores[1])
    try:
        tried = [_hold(options.endpoints, service, cores[0], options.seconds)] if options.endpoints else []
        held = tried or _search(service, cores[0], options.seconds, say)
        best = max((one for one in held if one.ok), key=lambda one: one.endpoints, default=None)
        parts = _parts(best.endpoints // 2, service, cores[0], options.seconds) if best else []
    finally:
        service.close()
    limit = best.endpoints if best else None
    return Result(
        parameters={"interval_s": INTERVAL_S, "timeout_s": TIMEOUT_S, "seconds": options.seconds, "ports": PORTS},
        told=[_table(held), REMARKS, *_limited_by(held, parts)],
        figures=[
            Figure(name="endpoints at 10 Hz on one core", value=limit, goal=AIM, sense="at least"),
            Figure(name="lag p99 there", value=best.lag_p99_ms if best else None, unit="ms", goal=LAG_MS),
            Figure(name="processor per request", value=_cost_us(best), unit="µs"),
        ],
        details={"held": [vars(one) for one in held], "parts": dict(parts)},
    )


REMARKS = (
    "each request is a new connection, as of a caller who comes fresh; the service answers at once, on the other core"
)


def _cost_us(one: Held | None) -> float | None:
    return None if one is None else 1e6 * one.busy * INTERVAL_S / one.endpoints


def _search(service: "_Answerer", core: int, seconds: float, say: Say) -> list[Held]:
    held: list[Held] = []
    low, high = 0, 0
    following = 125
    while not high or high - low > max(5, low // 50):
        say(f"{following} endpoints; {low} could be held")
        one = _hold(following, service, core, seconds)
        held.append(one)
        low, high = (following, high) if one.ok else (low, following)
        if high and high <= 5:
            break
        following = 2 * following if not high else (low + high) // 2
    return sorted(held, key=lambda one: one.endpoints)


def _parts(endpoints: int, service: "_Answerer", core: int, seconds: float) -> list[tuple[str, float]]:
    with tempfile.TemporaryDirectory(prefix="drillyard-sampler-") as name:
        return profiled.parts(_spec(name, endpoints, service), core, seconds)


def _spec(folder: str, endpoints: int, service: "_Answerer") -> dict[str, Any]:
    streams = [{"name": f"e{at}", "kind": "http", "url": service.url(at)} for at in range(endpoints)]
    times = {"interval_s": INTERVAL_S, "timeout_s": TIMEOUT_S, "window_s": 0.5}
    return {"folder": folder, **times, "streams": streams, "ledgers": []}


def _hold(endpoints: int, service: "_Answerer", core: int, seconds: float) -> Held:
    with tempfile.TemporaryDirectory(prefix="drillyard-sampler-") as name:
        with handle.start(_spec(name, endpoints, service)) as client:
            os.sched_setaffinity(client.pid, {core})
            time.sleep(SETTLE_S)
            from_ns, before_s = time.monotonic_ns(), _processor_s(client.pid)
            time.sleep(seconds)
            until_ns, after_s = time.monotonic_ns(), _processor_s(client.pid)
            client.finish(STEADY_S)
        samples = [s for s in read_drill(Path(name)).samples if from_ns <= s.intended_ns < until_ns]
    lags = [s.lag_ns / 1e6 for s in samples]
    if not lags:
        raise DrillyardError(f"the client made no request of {endpoints} endpoints in {seconds} s")
    return Held(
        endpoints=endpoints,
        lag_p50_ms=percentile(lags, 0.5) or 0.0,
        lag_p99_ms=percentile(lags, 0.99) or 0.0,
        failed=sum(not s.ok for s in samples),
        requests=len(samples),
        busy=(after_s - before_s) / ((until_ns - from_ns) / 1e9),
    )


def _processor_s(pid: int) -> float:
    """Give the seconds a process has spent on the processor, its threads and the kernel's work for it included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _limited_by(held: list[Held], parts: list[tuple[str, float]]) -> list[str]:
    """Say what the limit is made of."""
    short = next((one for one in held if not one.ok), None)
    if not parts:
        return []
    rows = [(part, f"{100 * share:.0f}") for part, share in parts]
    says = table(("where the client's time goes (profiled at half the limit)", "%"), rows)
    if short:
        says += f"\n\nbeyond the limit: {100 * short.busy:.0f} % of the core at {short.endpoints} endpoints"
        says += f", lag p99 {number(short.lag_p99_ms)} ms" + (f", {short.failed} failed" if short.failed else "")
        if short.busy > 0.9:
            says += "; the core is full (Linux leaves 5 % of it to others than real-time processes)"
    return [says]


def _table(held: list[Held]) -> str:
    rows = [
        (
            str(one.endpoints),
            number(one.requests),
            number(one.failed),
            number(one.lag_p50_ms),
            number(one.lag_p99_ms),
            f"{100 * one.busy:.0f}",
            number(_cost_us(one)),
        )
        for one in held
    ]
    return table(("endpoints", "requests", "failed", "lag ms median", "p99", "core %", "µs per request"), rows)


class _Answerer:
    """The answering service, on its own core."""

    def __init__(self, core: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kit.answerer", str(core), str(PORTS)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        self._ports: list[int] = json.loads(self._process.stdout.readline())

    def url(self, number: int) -> str:
        """Give the address of an endpoint."""
        return f"http://127.0.0.1:{self._ports[number % len(self._ports)]}/{number}"

    def close(self) -> None:
        """End it."""
        self._process.communicate()
