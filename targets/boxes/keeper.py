"""A lab's keeper: a process of its own that takes the lab away when its owner is dead, whatever it died of.

`python -m targets.boxes.keeper ADDRESS`, whose descriptor 0 is a pipe from the owner: the end of it is the owner's.
"""

import signal
import subprocess
import sys
import time
from typing import IO

from targets.places import ROOT
from targets.target import DrillyardError, scheme_module

PAUSES_S = (0.0, 1.0, 5.0, 20.0)  # an engine that does not answer may answer later
READY = b"1"


class Keeper:
    """The owner's end of it."""

    def __init__(self, address: str) -> None:
        """Start it, and wait until it watches."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "targets.boxes.keeper", address],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's business
        )
        if self._pipes()[1].read(1) != READY:
            raise DrillyardError("the lab's keeper did not start")

    def let_go(self, within: float) -> None:
        """Have it take the lab away, and wait until it has."""
        owners, keepers = self._pipes()
        owners.close()
        self._process.wait(within)
        keepers.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin  # noqa: S101  both were asked for
        assert self._process.stdout  # noqa: S101
        return self._process.stdin, self._process.stdout


def main() -> None:
    """Read the command line; wait for the owner's end."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(one, signal.SIG_IGN)
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    sys.stdin.buffer.read()
    for pause in PAUSES_S:
        time.sleep(pause)
        try:
            scheme_module(sys.argv[1]).down(sys.argv[1])
        except DrillyardError:
            continue
        return


if __name__ == "__main__":
    main()
