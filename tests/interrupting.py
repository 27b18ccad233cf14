"""A real `pytest drills/` with a state and a TMPDIR of its own, to be interrupted; what may be left of it: nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from tests.pseudo import ROOT, Terminal

GONE_WITHIN_S = 30.0  # the lab's keeper outlives its owner for a moment
ENDS_WITHIN_S = 120.0


class Session:
    """`pytest drills/` in a pseudo-terminal, or in a pipe and a session of its own."""

    def __init__(self, folder: Path, *options: str, in_terminal: bool, drills: tuple[str, ...] = ("drills/",)) -> None:
        self.folder, self.run = folder, folder / "run"
        (folder / "state").mkdir()
        self.tmp = Path(tempfile.mkdtemp(prefix="interrupt-"))
        self.tmp.chmod(0o711)  # PostgreSQL, which root runs as nobody, has to pass; pytest's own folders are closed
        self.env = {"TMPDIR": str(self.tmp), "DRILLYARD_STATE": str(folder / "state")}
        argv = [sys.executable, "-m", "pytest", *drills, "--run-folder", str(self.run), *options]
        self.terminal = Terminal(argv, env=self.env) if in_terminal else None
        self.process = self.terminal.process if self.terminal else self._pipe(argv)

    def _pipe(self, argv: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder / "out").open("wb") as out:
            return subprocess.Popen(
                argv, cwd=ROOT, env={**os.environ, **self.env}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

    @property
    def out(self) -> str:
        """Give what was printed until now."""
        if self.terminal:
            return "\n".join(self.terminal.lines())
        return (self.folder / "out").read_text(errors="replace")

    def until(self, condition: Callable[[], object], within: float = ENDS_WITHIN_S) -> bool:
        """Wait until something is true; False when the session has ended before."""
        if self.terminal:
            return self.terminal.read(condition, within=within)
        deadline = time.monotonic() + within
        while not condition():
            assert time.monotonic() < deadline, self.out
            if self.process.poll() is not None:
                return bool(condition())
            time.sleep(0.005)
        return True

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Press Ctrl-C; in a pipe, send the signal to pytest alone."""
        if self.terminal and number is signal.SIGINT:
            self.terminal.ctrl_c()
        else:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end, and give its exit code."""
        self.until(lambda: self.process.poll() is not None)
        if self.terminal:
            self.terminal.read()
        return int(self.process.wait(ENDS_WITHIN_S))

    def left(self) -> list[str]:
        """List processes of this session, its labs' folders and its open records, after they have had time to go."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while (found := list(self._left())) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _left(self) -> Iterator[str]:
        for one in psutil.process_iter(["pid", "cmdline"]):
            with suppress(psutil.Error):
                if one.pid != os.getpid() and one.environ().get("TMPDIR") == self.env["TMPDIR"]:
                    yield f"process {one.pid}: {' '.join(one.info['cmdline'] or [])}"
        yield from (f"record {path.name}" for path in (self.folder / "state" / "open").glob("*"))
        yield from (f"in TMPDIR: {path.name}" for path in self.tmp.iterdir() if not path.name.startswith("pytest-of-"))

    def activities(self) -> list[dict[str, Any]]:
        """List what the experiments have done until now, of all drills."""
        texts = [path.read_text() for path in self.run.glob("*/activities.jsonl")]
        return [json.loads(line) for text in texts for line in text.split("\n")[:-1]]

    def outcomes(self) -> dict[str, dict[str, Any]]:
        """Give the stored outcomes by their folders' names; {} for a drill that has none."""
        return {
            folder.name: json.loads((folder / "outcome.json").read_text()) if (folder / "outcome.json").exists() else {}
            for folder in self.run.glob("*/")
        }

    def close(self) -> None:
        """End everything that is still there."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.terminal:
            self.terminal.close()
        shutil.rmtree(self.tmp, ignore_errors=True)


@contextmanager
def session(folder: Path, *options: str, in_terminal: bool, **more: Any) -> Iterator[Session]:
    """Start one, and leave nothing of it behind whatever the test does."""
    folder.mkdir(exist_ok=True)
    started = Session(folder, *options, in_terminal=in_terminal, **more)
    try:
        yield started
    finally:
        started.close()


def check(ended: Session, *, code: int = 2) -> None:
    """Hold what an interrupted session has left against what it promises."""
    assert ended.end() == code, ended.out
    out = ended.out
    assert ended.left() == [], out
    assert "Traceback" not in out, out
    outcomes = ended.outcomes()
    for name, outcome in outcomes.items():
        assert outcome, f"{name} has no outcome: {out}"
        interrupted = json.loads((ended.run / name / "session.json").read_text())["error"] == "interrupted"
        assert not interrupted or outcome["verdict"] == "unknown", outcome
        assert (outcome["why"][0] == "interrupted") == interrupted, outcome
        assert name.replace("-", "")[:20] in out.replace("-", "").replace("\n", ""), out
    assert ("\nrun run: lab on local:" in out.replace("\r", "")) == bool(outcomes), out
    assert sum("interrupted" in (o["why"][0]) for o in outcomes.values()) <= 2, outcomes
