"""Where the client's time goes: the client under cProfile, its time shared out among its parts."""

import json
import os
import pstats
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from targets.places import ROOT
from targets.target import DrillyardError

GIVE_UP_S = 60.0
WAITING = "'poll' of"  # an idle client is not at work
PARTS = {  # what a profile calls it: what it is part of
    "'connect_ex' of": "the kernel: connecting",
    "'send' of": "the kernel: sending",
    "'recv' of": "the kernel: receiving",
    "socket.close": "the kernel: closing",
    "'close' of": "the kernel: closing",
    "epoll": "the kernel: being told",
    "/socket.py": "the kernel: making sockets",
    "wire/quick.py": "a request's states and its answer",
    "subjects/http.py": "a request's states and its answer",
    "sampler.py": "the schedule",
    "attempt.py": "the schedule",
    "streak.py": "the clean streaks",
    "records.py": "the records",
    "json": "the records",
    "asyncio": "the event loop",
    "selectors.py": "the event loop",
    "contextvars": "the event loop",
}
CODE = """
import cProfile, sys
from probes import client
profile = cProfile.Profile()
try:
    profile.runcall(client.main, sys.argv[2:])
finally:
    profile.dump_stats(sys.argv[1])
"""


def parts(spec: dict[str, Any], core: int, seconds: float) -> list[tuple[str, float]]:
    """Run a client for so long under the profiler; shares of its busy time by part, the largest first."""
    folder = Path(spec["folder"])
    (folder / "client.json").write_text(json.dumps(spec))
    stats = folder / "profile"
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(stats), str(folder / "client.json")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    os.sched_setaffinity(process.pid, {core})
    time.sleep(seconds)
    assert process.stdin
    process.stdin.write('{"do": "finish"}\n')
    process.stdin.flush()
    try:
        process.wait(GIVE_UP_S)  # and only then the end of its stdin, which would end it without a profile
    finally:
        process.kill()
        process.communicate()
    if not stats.exists():
        raise DrillyardError(f"the profiled client ended with code {process.returncode} and left no profile")
    return _shared_out(stats)


def _shared_out(stats: Path) -> list[tuple[str, float]]:
    shares: dict[str, float] = {}
    table: dict[tuple[str, int, str], tuple[Any, ...]] = pstats.Stats(str(stats)).stats  # type: ignore[attr-defined]
    for (file, _, function), (_, _, own_s, *_) in table.items():
        name = f"{file} {function}"
        if WAITING not in name:
            part = next((part for known, part in PARTS.items() if known in name), "all else")
            shares[part] = shares.get(part, 0.0) + own_s
    busy = sum(shares.values())
    return sorted(((part, own_s / busy) for part, own_s in shares.items()), key=lambda one: -one[1])
