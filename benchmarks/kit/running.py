"""The harness's end of the scripted service: start it, tell it what to do, leave none behind."""

import json
import subprocess
import sys
from typing import Any, Self

from targets.places import ROOT
from targets.target import DrillyardError


class Scripted:
    """A running scripted service; a context manager. One command at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kit.scripted"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.port = int(self._event()["port"])

    @property
    def url(self) -> str:
        """Give the root URL."""
        return f"http://127.0.0.1:{self.port}"

    def tell(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its event. DrillyardError when the service died."""
        self._send(**command)
        return self._event()

    def _send(self, **command: Any) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._died() from None

    def _event(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        event: dict[str, Any] = json.loads(line)
        return event

    def _died(self) -> DrillyardError:
        return DrillyardError(f"the scripted service ended with code {self._process.wait()}; nothing was measured")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
