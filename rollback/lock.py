"""One drill at a time per target, across the processes and the users of this machine.

A flock: the kernel gives it back when its holder dies, however that happens.  The note inside is for people, and tells
the next one that its holder went without a word.  Whoever waits does so at the head of a queue of one (`.next`), so
that a session with many drills does not take its turn again and again.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rollback import lockfile
from targets import places
from targets.target import BadInput, DrillyardError

VARIABLE = "DRILLYARD_WAIT_S"
PATIENCE_S = 600.0
POLL_S = 0.02
SIGNS_WITHIN_S = 1.0  # whoever has just taken it

Waiting = Callable[[str | None], None]


class Busy(DrillyardError):
    """Somebody else drills on the target, and goes on for longer than anybody waits here."""


@dataclass(kw_only=True)
class Lock:
    """A target that is this process's alone, as often as it was taken."""

    path: Path
    descriptor: int
    after: str | None  # the holder before, if it went without giving it back
    count: int = 1


_held: dict[str, Lock] = {}  # of this process, by address


def take(address: str, *, waiting: Waiting = lambda _: None) -> Lock:
    """Have the target alone, as soon as nobody else has it; again in the same process is the same.

    waiting: called again and again meanwhile, with a sentence each time that it is for somebody else, else with None.
    Busy after $DRILLYARD_WAIT_S seconds (600), BadInput when the file cannot be locked.
    """
    if address in _held:
        _held[address].count += 1
        return _held[address]
    path = places.lock_file(address)
    wait = _wait(address, path, waiting)
    turn = _await(path.with_suffix(".next"), wait)
    try:
        descriptor = _await(path, wait)
    finally:
        lockfile.unlock(path.with_suffix(".next"), turn)
    _held[address] = Lock(path=path, descriptor=descriptor, after=lockfile.signed(descriptor))
    return _held[address]


def sign(lock: Lock, drill: str) -> None:
    """Say in the file who has it, for those who wait."""
    lockfile.sign(lock.descriptor, drill)
    lock.after = None


def give_back(address: str) -> None:
    """Let others have it, when this process has given it back as often as it took it.

    One that was never signed keeps the note of the holder before.
    """
    lock = _held.get(address)
    if lock is None:
        return
    lock.count -= 1
    if lock.count:
        return
    del _held[address]
    if lock.after is None:
        lockfile.unlock(lock.path, lock.descriptor)
    else:
        os.close(lock.descriptor)


def patience_s() -> float:
    """Say for how many seconds anybody waits. BadInput for what is no number of seconds."""
    said = os.environ.get(VARIABLE, "")
    try:
        seconds = float(said or PATIENCE_S)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < float("inf"):
        raise BadInput(f"{VARIABLE}={said}: give a number of seconds from 0 on")
    return seconds


def _wait(address: str, path: Path, waiting: Waiting) -> Callable[[], None]:
    """Make what is done between two tries: tell for whom it waits, and give up in time."""
    patience, told, began = patience_s(), "", time.monotonic()
    until = began + patience

    def wait() -> None:
        nonlocal told
        now = lockfile.holder(path)
        nameless = now == lockfile.SOMEBODY and time.monotonic() - began < SIGNS_WITHIN_S
        waiting(None if nameless or now == told else f"waiting for {address}: {now} is at it")
        told = told if nameless else now
        if time.monotonic() > until:
            raise Busy(
                f"{address}: {now} is at it, and {patience:g} s of waiting were not enough; let it end, or set "
                f"{VARIABLE} to more seconds"
            )
        time.sleep(POLL_S)

    return wait


def _await(path: Path, wait: Callable[[], None]) -> int:
    while (descriptor := lockfile.locked(path)) is None:
        wait()
    return descriptor
