"""`pytest drills/` with one drill, from outside: where it is, and that it ends."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from benchmarks.kit.killing.plugin import SOCKET
from targets.places import ROOT
from targets.target import DrillyardError

BEGINS_WITHIN_S = 90.0
ENDS_WITHIN_S = 180.0
PLUGIN = "benchmarks.kit.killing.plugin"


class Listener:
    """The socket at which harnesses report; a context manager."""

    def __init__(self) -> None:
        self.name = f"drillyard-kill-{os.getpid()}"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind("\0" + self.name)
        self.socket.listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


class Harness:
    """A running harness; a context manager that leaves none behind. `pid` is pytest's own."""

    def __init__(self, listener: Listener, argv: Sequence[str], *, env: Mapping[str, str], out: Path) -> None:
        self._out, self._listener = out, listener
        self.events: dict[str, dict[str, Any]] = {}
        self._line: socket.socket | None = None
        self._rest = b""
        with out.open("wb") as file:
            self.process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env={**os.environ, **env, SOCKET: listener.name},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._end = os.pidfd_open(self.process.pid)

    @property
    def pid(self) -> int:
        """Give pytest's process id."""
        return self.process.pid

    def expect(self, event: str, within_s: float = BEGINS_WITHIN_S) -> dict[str, Any]:
        """Wait for an event. DrillyardError with the harness's last line when it ended without it."""
        deadline = time.monotonic() + within_s
        while event not in self.events:
            if not self._listen(max(0.0, deadline - time.monotonic())):
                raise DrillyardError(f"no harness {event}: {self.said()}")
        return self.events[event]

    def tell(self, word: str) -> None:
        """Let it do something; one that is gone does nothing."""
        with suppress(OSError):
            assert self._line
            self._line.sendall(f"{word}\n".encode())

    def ended(self, within_s: float = ENDS_WITHIN_S) -> int | None:
        """Wait for its end; gives the moment (monotonic ns) at which it was seen, None when it does not end."""
        if not select.select([self._end], [], [], within_s)[0]:
            return None
        seen = time.monotonic_ns()
        self.process.wait()
        return seen

    def watchdog(self) -> int | None:
        """Find its watchdog's process id, None while there is none."""
        with suppress(psutil.Error):
            for child in psutil.Process(self.pid).children():
                with suppress(psutil.Error):
                    if any(word.endswith("rollback/watchdog.py") for word in child.cmdline()):
                        return child.pid
        return None

    def said(self) -> str:
        """Give the last line that it wrote."""
        lines = [line for line in self._out.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def drain(self) -> None:
        """Take in what it said until its end."""
        while self._listen(0.0):
            pass

    def _listen(self, within_s: float) -> bool:
        """Take in what comes next; False when nothing does."""
        source: socket.socket = self._line or self._listener.socket
        if source.fileno() not in select.select([source.fileno(), self._end], [], [], within_s)[0]:
            return False
        if self._line is None:
            self._line = self._listener.socket.accept()[0]
            return True
        with suppress(ConnectionResetError):
            if piece := self._line.recv(65536):
                *lines, self._rest = (self._rest + piece).split(b"\n")
                for words in map(json.loads, lines):
                    self.events.setdefault(words["event"], words)
                return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGCONT)
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._end)
        if self._line:
            self._line.close()


def argv(drill: str, target: str, run: Path, *more: str) -> list[str]:
    """Give the command line of a harness."""
    return [
        sys.executable, "-m", "pytest", drill, "--target", target, "--run-folder", str(run),
        "-p", PLUGIN, "-p", "no:cacheprovider", *more,
    ]  # fmt: skip
