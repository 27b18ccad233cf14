"""A detached process that puts everything back when the harness cannot: it died, or a fault outlived its time.

It notices a death twice over, by the end of a pipe and by a pidfd, and has imported what a heal needs before it
is needed.  `python -I watchdog.py PID STARTED BOOT CONTROL_FD READY_FD`
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from experiments import faults
from rollback import journal, stop
from rollback.journal import Owner
from targets.target import DrillyardError, scheme_module

READY_S = 20.0
LOOK_S = 0.25
DYING_S = 1.0  # at the longest, from the end of a dying process's files to its own
NOT_ME = "-1000"
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
        """Let it go: it looks once more whether anything of its owner is open, and if so goes on trying by itself."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._control, b"Q")
        os.close(self._control)
        self._process.wait(stop.HEAL_BUDGET_S * 2)


def watch(owner: Owner, control: int, ready: int) -> None:
    """Wait for the owner's end or a deadline, and stop what is the owner's."""
    poll = select.poll()
    poll.register(control, select.POLLIN | select.POLLHUP)
    death = []
    with contextlib.suppress(ProcessLookupError):  # dead already: the pipe says so too
        death.append(os.pidfd_open(owner.pid))
        poll.register(death[0], select.POLLIN)
    os.write(ready, b"1")
    os.close(ready)
    for name in faults.names():
        faults.load(name)
    while True:
        events = dict(poll.poll(_until_deadline(owner)))
        said = os.read(control, 4096) if control in events else b"-"
        if b"Q" in said:
            if _stop(owner, "watchdog: session closed", RETRY_S[:1]) or os.fork():
                return  # whoever waits for this process may go on; what could not be put back yet is tried by its child
            _stop(owner, "watchdog: session closed", RETRY_S[1:])
            return
        if said == b"" or set(events) - {control}:
            select.select(death, [], [], DYING_S if death else 0)  # nobody tidies up after one who may still write
            _stop(owner, "watchdog: harness died", RETRY_S)
            return
        if b"A" in said:
            _import_targets(owner)
        stop.stop(by="watchdog: expired", mine=lambda r: r.owner == owner and r.expires_at_ns <= time.monotonic_ns())


def _import_targets(owner: Owner) -> None:
    """Import what opens the targets that may have to be healed; asked they are not, for they may not answer."""
    for address in {record.target for record in journal.open_records()[0] if record.owner == owner}:
        with contextlib.suppress(DrillyardError):
            scheme_module(address)


def _until_deadline(owner: Owner) -> float | None:
    """Say how many milliseconds are left to the next deadline; None when there is none."""
    deadlines = [r.expires_at_ns for r in journal.open_records()[0] if r.owner == owner]
    return max(100.0, (min(deadlines) - time.monotonic_ns()) / 1e6 + 1) if deadlines else None


def _stop(owner: Owner, by: str, pauses: Sequence[float]) -> bool:
    """Try, after each of the pauses, until everything of the owner's is put back; tells whether it is."""
    for pause in pauses:
        if _others_did(owner, pause):
            return True
        if not stop.stop(by=by, mine=lambda record: record.owner == owner).failed:
            return True
    return False


def _others_did(owner: Owner, within_s: float) -> bool:
    """Wait, but not for longer than until nothing of the owner's is open: then there is nothing left to try."""
    ends = time.monotonic() + within_s
    while (left := ends - time.monotonic()) > 0:
        records, unreadable = journal.open_records()
        if not unreadable and not any(record.owner == owner for record in records):
            return True
        time.sleep(min(LOOK_S, left))
    return False


def _spared() -> None:
    """Ask the kernel for another victim when memory runs out, the harness's own: only the privileged may ask.

    It looks for a second one before the first has given its memory back, and took a watchdog of a few megabytes.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(NOT_ME)


def main() -> None:
    """Watch, deaf to everything that ends the harness."""
    _spared()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    pid, started, boot, control, ready = sys.argv[1:]
    watch(Owner(pid=int(pid), started=int(started), boot=boot), int(control), int(ready))


if __name__ == "__main__":
    main()
