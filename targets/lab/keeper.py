"""The keeper: starts a lab's supervisor, and when that is gone, whatever the reason, leaves nothing behind.

It is the supervisor's parent and a child subreaper, so it learns of its death from the kernel, and backends
whose postmaster was killed come to it instead of staying zombies.  Standard library only; started
as `python -I -S -c PROGRAM ROOT FOLDER SUPERVISOR...`.  Descriptor 0 is the owner's pipe, for the supervisor.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from targets.lab import processes, spaces

PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from targets.lab import keeper; keeper.main()"
LOCK = "owner.lock"
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE_S = 15.0


def sweep(folder: Path) -> None:
    """Kill every process of the lab, free its shared memory, remove its folder. Again is the same as once."""
    deadline = time.monotonic() + _PATIENCE_S
    while (left := processes.members(folder)) and time.monotonic() < deadline:
        processes.kill_all(left)
        time.sleep(0.002)
    for data in folder.glob("*/data"):
        processes.remove_segments(data)
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # other labs live there, or it is gone
        folder.parent.rmdir()


def is_abandoned(folder: Path) -> bool:
    """Say whether nobody holds the lab's lock any more: its supervisor and its keeper are dead."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return folder.exists()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def keep(folder: Path, argv: list[str]) -> None:
    """Run the supervisor until it ends, then sweep."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(one, signal.SIG_IGN)  # the undertaker leaves last
    spaces.own_users()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    alive, held = os.pipe()  # the supervisor reads `alive`: end of file tells it that its keeper was killed
    supervisor = os.fork()
    if not supervisor:
        _become_supervisor(folder, argv, alive, held)
    os.close(alive)
    os.close(0)  # the owner's pipe is the supervisor's alone
    while os.wait()[0] != supervisor:
        pass
    sweep(folder)


def _become_supervisor(folder: Path, argv: list[str], alive: int, held: int) -> None:
    try:
        os.close(held)
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(one, signal.SIG_DFL)
        os.chdir(folder)
        os.set_inheritable(alive, True)  # noqa: FBT003
        os.execv(argv[0], [*argv, str(alive)])  # noqa: S606
    finally:
        os._exit(127)


def main() -> None:
    """Read the command line."""
    keep(Path(sys.argv[1]), sys.argv[2:])
