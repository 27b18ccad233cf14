"""How exact the meter was found to be on this machine, by `python -m benchmarks meter`; every run carries it.

It lies in the state folder as calibration.json and counts on the machine that it was made on only.  A run copies it
into its run.json when it begins, so that a report needs nothing but the run folder.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports import record
from reports.folder import load_json
from reports.shapes import BadRecord, build
from reports.words import plain

FILE = "calibration.json"
MISSING = "meter not calibrated on this machine: run `python -m benchmarks meter`"


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What a calibration found; the error is that of a reported downtime."""

    machine: str
    at: str  # ISO 8601, UTC
    interval_s: float
    outages: int
    missed: int
    error_p99_ms: float
    trials: int  # of losses
    exact: int  # of them exact in writes and in time


def now(*, interval_s: float, outages: int, missed: int, error_p99_ms: float, trials: int, exact: int) -> Calibration:
    """Date a calibration, and name this machine in it."""
    return Calibration(
        machine=machine(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        interval_s=interval_s,
        outages=outages,
        missed=missed,
        error_p99_ms=error_p99_ms,
        trials=trials,
        exact=exact,
    )


def machine() -> str:
    """Tell this machine from others, without saying which it is: its id, processor and number of cores, digested."""
    told = [_text("/etc/machine-id"), _text("/proc/cpuinfo").partition("\n\n")[0].partition("MHz")[0]]
    return hashlib.sha256("\n".join([*told, str(os.cpu_count())]).encode()).hexdigest()[:16]


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def write(state: Path, found: Calibration) -> None:
    """Keep it in the state folder."""
    record.write(state / FILE, asdict(found))


def read(state: Path) -> dict[str, Any] | None:
    """Give this machine's calibration for run.json; None when there is none, or it is another machine's."""
    row, problem = load_json(state / FILE)
    try:
        return None if problem or build(Calibration, row).machine != machine() else dict(row)
    except BadRecord:
        return None


def told(row: Mapping[str, Any] | None) -> str:
    """Tell in one line what a run's run.json says of its meter."""
    try:
        found = build(Calibration, row)
    except BadRecord:
        return MISSING
    missed = f", {found.missed} missed" if found.missed else ""
    return (
        f"meter calibrated on this machine {plain(found.at[:10], 10)}: |error| p99 {found.error_p99_ms:.1f} ms over "
        f"{found.outages} outages{missed}, losses exact {found.exact} of {found.trials}"
    )
