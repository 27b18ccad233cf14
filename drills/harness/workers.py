"""pytest-xdist: what the master has to know of its workers, and how they get to put back and write down.

xdist gives its workers 10 s after Ctrl-C and then kills them, in the middle of an undo.  So every worker holds a lock
on a file of its own, with its pid in it, until it has put everything back; the master passes an interruption on at once
and waits for those locks before xdist begins to count.  Of one floor with conftest.py.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollback import lock
from targets.target import DrillyardError

KEY = "drillyard_workers"
CORES = 2  # what a lab of containers takes while it is drilled
PATIENCE_S = 120.0  # a heal has 60 s of its own, and a lab 20 s to go
FOLDER = pytest.StashKey[Path]()
LOCK = pytest.StashKey[int]()


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process works for an xdist master."""
    return hasattr(config, "workerinput")


def folder(config: pytest.Config) -> Path:
    """Give the master's folder of locks, made at the first worker."""
    if FOLDER not in config.stash:
        config.stash[FOLDER] = Path(tempfile.mkdtemp(prefix="drillyard-workers-"))
    return config.stash[FOLDER]


def turn(config: pytest.Config, address: str) -> str:
    """Name what a worker's drill has to have alone besides its target: a share of the cores; "" for nothing.

    Labs of containers that have too few cores tell of the machine and not of themselves: callers give up and come back,
    until coming back is all the load there is.
    """
    if not is_worker(config) or not address.startswith("containers:"):
        return ""
    shares = max(1, len(os.sched_getaffinity(0)) // CORES)
    number = int(config.workerinput["workerid"].removeprefix("gw"))  # type: ignore[attr-defined]
    return f"{CORES} cores of this machine ({number % shares + 1} of {shares})"


@contextlib.contextmanager
def alone(config: pytest.Config, address: str, doing: str) -> Iterator[None]:
    """Have that share of the cores while a lab comes or goes, too: another worker's drill would tell of that work.

    Who would have to wait for too long does it all the same.
    """
    name = turn(config, address)
    if name:
        with contextlib.suppress(DrillyardError):
            lock.sign(lock.take(name), doing)
    try:
        yield
    finally:
        lock.give_back(name)


def begin(config: pytest.Config) -> None:
    """Take the lock of this worker, if it is one."""
    if not is_worker(config):
        return
    given = config.workerinput  # type: ignore[attr-defined]
    with contextlib.suppress(OSError, KeyError):
        descriptor = os.open(Path(given[KEY]) / given["workerid"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, str(os.getpid()).encode())
        config.stash[LOCK] = descriptor


def end(config: pytest.Config) -> None:
    """Let go: this worker has put everything back; a master leaves no folder."""
    if LOCK in config.stash:
        os.close(config.stash[LOCK])
        del config.stash[LOCK]
    if FOLDER in config.stash:
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


def interrupt(config: pytest.Config) -> None:
    """Pass an interruption on to every worker, and wait until they have put back and written down."""
    if FOLDER not in config.stash:
        return
    for _, pid in _at_work(config.stash[FOLDER]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    until = time.monotonic() + PATIENCE_S
    while list(_at_work(config.stash[FOLDER])) and time.monotonic() < until:
        time.sleep(0.05)


def _at_work(locks: Path) -> Iterator[tuple[Path, int]]:
    """List the workers that hold their locks; that of a dead one is free."""
    for path in locks.iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield path, int(file.read() or "0")
