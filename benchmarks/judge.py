"""How long a verdict takes on many ledger rows, and how its time and its memory grow with them."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit import bigdrill
from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.stats import exponent
from benchmarks.kit.tables import number, table
from targets.places import ROOT
from targets.target import DrillyardError

GOAL_S, LINEAR = 5.0, 1.1
SIZES = (100_000, 300_000, 1_000_000)
CHILD = """
import json, resource, sys, time
from pathlib import Path
from reports import measures
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began, cpu = time.perf_counter(), time.process_time()
outcome = measures.judge(Path(sys.argv[1]))
took, cpu = time.perf_counter() - began, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"s": took, "cpu_s": cpu, "before_kib": before, "peak_kib": peak, "lost": outcome.writes.lost,
                  "attempted": outcome.writes.attempted, "rto_s": outcome.rto_s, "why": outcome.why[0]}))
"""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One size, judged several times, each in a process of its own."""

    rows: int
    seconds: tuple[float, ...]
    cpu_s: float  # median, of the processor
    mib: float  # peak resident, the interpreter and the modules included
    base_mib: float  # those alone

    @property
    def median_s(self) -> float:
        """Give the usual time."""
        return statistics.median(self.seconds)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES), help="how many rows, one or more sizes")
    parser.add_argument("--times", type=int, default=3, help="how often each is judged (default: 3)")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Judge drill folders of growing size."""
    timed = [_timed(rows, max(1, options.times), say) for rows in sorted(options.rows)]
    most = timed[-1]
    per_row = (most.mib - most.base_mib) * 2**20 / most.rows
    figures = [
        Figure(name=f"{most.rows:,} rows, median", value=most.median_s, unit="s", goal=GOAL_S),
        Figure(name="of that on the processor", value=most.cpu_s, unit="s"),
        Figure(name="peak memory of the largest", value=most.mib, unit="MiB"),
        Figure(name="memory per row of the largest", value=per_row, unit="bytes"),
    ]
    if len(timed) > 1:
        slope = exponent([one.rows for one in timed], [one.cpu_s for one in timed])
        figures.insert(2, Figure(name="exponent: processor time = c * rows ^", value=slope, goal=LINEAR))
    return Result(
        parameters={"rows": " ".join(f"{one.rows}" for one in timed), "times": options.times},
        told=[_table(timed), "memory is not flat: it grows by what a row takes, see below"],
        figures=figures,
        details={
            "timed": [
                {"rows": one.rows, "seconds": one.seconds, "cpu_s": one.cpu_s, "peak_mib": one.mib} for one in timed
            ]
        },
    )


def _timed(rows: int, times: int, say: Say) -> Timed:
    with tempfile.TemporaryDirectory(prefix="drillyard-judge-") as name:
        say(f"laying {rows:,} rows")
        bigdrill.lay(Path(name), rows)
        told = []
        for turn in range(1, times + 1):
            say(f"judging {rows:,} rows, {turn} of {times}")
            told.append(_judged(name, rows))
    return Timed(
        rows=rows,
        seconds=tuple(float(one["s"]) for one in told),
        cpu_s=statistics.median(float(one["cpu_s"]) for one in told),
        mib=max(one["peak_kib"] for one in told) / 1024,
        base_mib=max(one["before_kib"] for one in told) / 1024,
    )


def _judged(folder: str, rows: int) -> dict[str, float]:
    """Judge in a process of its own, and hold the verdict's numbers against what was laid."""
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise DrillyardError(f"the judge failed: {ran.stderr.strip().splitlines()[-1]}")
    told: dict[str, float] = json.loads(ran.stdout)
    if (told["attempted"], told["lost"]) != (rows, bigdrill.LOST):
        raise DrillyardError(f"the judge was fast and wrong: {told}")
    return told


def _table(timed: list[Timed]) -> str:
    head = ("rows", "median s", "worst s", "processor s", "µs per row", "peak MiB")
    rows = [
        (
            f"{one.rows:,}",
            *map(number, (one.median_s, max(one.seconds), one.cpu_s, 1e6 * one.cpu_s / one.rows, one.mib)),
        )
        for one in timed
    ]
    return table(head, rows)
