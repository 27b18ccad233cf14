"""What people watch a failover with today: each looks at a URL until it is told to stop, and says what it saw.

    chaostoolkit   `chaos run` with its hypothesis held continuously, at the shortest pace it takes: 1 s
    curl           a shell's `while curl -m 1; do sleep 1; done`
    scrape         as Prometheus makes its `up`: every 15 s, and 10 s to answer

What was seen is turned into outages as a reader would: from the first look that failed to the next one that did not.
"""

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.kit.scripts import NS
from reports.outages import Outage, outages
from reports.shapes import Sample
from targets.target import DrillyardError

PATIENCE_S = 1.0  # of a caller
SCRAPE_S, SCRAPE_PATIENCE_S = 15.0, 10.0  # Prometheus' own defaults but for its interval of a minute
PACE_S = 1.0
Look = tuple[int, bool]  # when (ns, monotonic), and whether it was served


def seen(looks: Sequence[Look]) -> tuple[Outage, ...]:
    """Turn looks into outages: any look that was served ends one."""
    rows = [Sample(stream="", intended_ns=at, sent_ns=at, done_ns=at, ok=ok) for at, ok in looks]
    return outages(rows, interval_ns=1, window_ns=1)


class Loop(AbstractContextManager["Loop"]):
    """Looks, then waits until it is time again, in a thread."""

    def __init__(self, look: Callable[[], bool], *, every_s: float, after: bool) -> None:
        """Look every `every_s` seconds; `after`: counted from the end of the last look, as a shell's loop does."""
        self.looks: list[Look] = []
        self._look, self._every_s, self._after = look, every_s, after
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            at_ns = time.monotonic_ns()
            self.looks.append((at_ns, self._look()))
            due = (time.monotonic() if self._after else due) + self._every_s
            self._stop.wait(max(0.0, due - time.monotonic()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def curl(url: str) -> tuple[Loop, str]:
    """Make the loop of a shell, and say what it is made of."""
    program = shutil.which("curl")
    if program is None:
        return Loop(lambda: asked(url, PATIENCE_S), every_s=PACE_S, after=True), "a loop like curl's (there is no curl)"
    argv = [program, "--silent", "--fail", "--output", "/dev/null", "--max-time", str(PATIENCE_S), url]
    return Loop(lambda: subprocess.run(argv, check=False).returncode == 0, every_s=PACE_S, after=True), "curl loop, 1 s"


def scrape(url: str) -> Loop:
    """Make the scraper."""
    return Loop(lambda: asked(url, SCRAPE_PATIENCE_S), every_s=SCRAPE_S, after=False)


def asked(url: str, patience_s: float) -> bool:
    """Ask once; served means a whole answer with a status of success."""
    try:
        with urllib.request.urlopen(url, timeout=patience_s) as answer:  # noqa: S310  a URL of this benchmark's own
            answer.read()
    except (OSError, ValueError, urllib.error.HTTPError, EOFError):
        return False
    except Exception as error:  # http.client's own, which are no OSErrors
        if type(error).__module__ == "http.client":
            return False
        raise
    return True


class Chaostoolkit:
    """`chaos run` of an experiment whose method only waits."""

    def __init__(self, url: str, folder: Path, *, seconds: float) -> None:
        self._folder = folder
        (folder / "experiment.json").write_text(json.dumps(_experiment(url, seconds)))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        chaos = Path(sys.executable).parent / "chaos"
        argv = [str(chaos), "--no-version-check", "--no-log-file", "run", "--journal-path", "journal.json"]
        argv += ["--hypothesis-strategy", "continuously", "--hypothesis-frequency", "1", "experiment.json"]
        with (self._folder / "chaos.log").open("wb") as log:
            self._process = subprocess.Popen(argv, cwd=self._folder, stdout=log, stderr=log)
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        assert self._process
        if kind:
            self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()

    def looks(self) -> list[Look]:
        """Read its journal. DrillyardError when it has none: chaostoolkit did not run to its end."""
        try:
            journal = json.loads((self._folder / "journal.json").read_text())
            states: list[dict[str, Any]] = journal["steady_states"]["during"]
        except (OSError, ValueError, KeyError) as error:
            log = (self._folder / "chaos.log").read_text(errors="replace").strip().splitlines()
            raise DrillyardError(f"chaostoolkit left no journal ({error}): {log[-1] if log else ''}") from None
        offset_ns = time.time_ns() - time.monotonic_ns()  # its stamps are of the wall clock
        return [
            (int(datetime.fromisoformat(probe["start"]).timestamp() * NS) - offset_ns, bool(state["steady_state_met"]))
            for state in states
            for probe in state["probes"]
        ]


def _experiment(url: str, seconds: float) -> dict[str, Any]:
    provider = {"type": "http", "url": url, "timeout": PATIENCE_S}
    wait = {"type": "process", "path": "sleep", "arguments": f"{seconds:.1f}"}
    return {
        "version": "1.0.0",
        "title": "watch",
        "description": "the method waits, the hypothesis watches",
        "steady-state-hypothesis": {
            "title": "served",
            "probes": [{"type": "probe", "name": "answers", "tolerance": 200, "provider": provider}],
        },
        "method": [{"type": "action", "name": "wait", "provider": wait}],
        "rollbacks": [],
    }
