"""A detached process that puts everything back when the harness cannot: it died, or a fault outlived its time.

It notices a death twice over, by the end of a pipe and by a pidfd, and has everything imported before it says that
it is ready.  `python -I watchdog.py PID STARTED BOOT CONTROL_FD READY_FD`
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rollback import journal, stop
from rollback.journal import Owner
from targets.target import DrillyardError

READY_S = 20.0
RETRY_S = (0.0, 0.2, 1.0, 5.0, 20.0, 60.0)  # a target that does not answer yet may answer later


class Watchdog:
    """The harness's end of it."""

    def __init__(self, owner: Owner) -> None:
        """Start it and wait until it watches. DrillyardError when it does not."""
        control, self._control = os.pipe()
        ready, said = os.pipe()
        program = [sys.executable, "-I", str(Path(__file__).resolve())]
        with (journal.home() / "watchdog.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*program, str(owner.pid), str(owner.started), owner.boot, str(control), str(said)],
                pass_fds=(control, said),
                start_new_session=True,  # a Ctrl-C in the terminal is not for it
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        os.close(control)
        os.close(said)
        try:
            if not select.select([ready], [], [], READY_S)[0] or os.read(ready, 1) != b"1":
                raise DrillyardError(f"the watchdog did not start; see {journal.home() / 'watchdog.log'}")
        finally:
            os.close(ready)

    def alive(self) -> bool:
        """Tell whether it watches."""
        return self._process.poll() is None

    def poke(self) -> None:
        """Let it read the deadlines again."""
        os.write(self._control, b"A")

    def close(self) -> None:
        """Let it go: it looks once more whether anything of its owner is open."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._control, b"Q")
        os.close(self._control)
        self._process.wait(stop.HEAL_BUDGET_S * 2)


def watch(owner: Owner, control: int, ready: int) -> None:
    """Wait for the owner's end or a deadline, and stop what is the owner's."""
    poll = select.poll()
    poll.register(control, select.POLLIN | select.POLLHUP)
    with contextlib.suppress(ProcessLookupError):  # dead already: the pipe says so too
        poll.register(os.pidfd_open(owner.pid), select.POLLIN)
    os.write(ready, b"1")
    os.close(ready)
    while True:
        events = dict(poll.poll(_until_deadline(owner)))
        said = os.read(control, 4096) if control in events else b"-"
        if b"Q" in said:
            _stop(owner, "watchdog: session closed")
            return
        if said == b"" or set(events) - {control}:
            _stop(owner, "watchdog: harness died")
            return
        stop.stop(by="watchdog: expired", mine=lambda r: r.owner == owner and r.expires_at_ns <= time.monotonic_ns())


def _until_deadline(owner: Owner) -> float | None:
    """Say how many milliseconds are left to the next deadline; None when there is none."""
    deadlines = [r.expires_at_ns for r in journal.open_records()[0] if r.owner == owner]
    return max(100.0, (min(deadlines) - time.monotonic_ns()) / 1e6 + 1) if deadlines else None


def _stop(owner: Owner, by: str) -> None:
    for pause in RETRY_S:
        time.sleep(pause)
        if not stop.stop(by=by, mine=lambda record: record.owner == owner).failed:
            return


def main() -> None:
    """Watch, deaf to everything that ends the harness."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    pid, started, boot, control, ready = sys.argv[1:]
    watch(Owner(pid=int(pid), started=int(started), boot=boot), int(control), int(ready))


if __name__ == "__main__":
    main()
