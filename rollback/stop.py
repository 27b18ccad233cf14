"""The stop: heals everything open, looks, and proves it gone. It may be called by anyone, at any time, twice."""

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from experiments import faults
from rollback import byhand, journal, leases, signals
from rollback.journal import Injection
from targets import places
from targets.target import BadInput, DrillyardError, Target, TargetGone, Unable, Unreached, attach

HEAL_BUDGET_S = 60.0  # for one injection; the caller's own patience does not shorten it
AGAIN_S = 0.5
UNREACHED_S = 5.0  # left of it for the last try, so that it is told why
LOOK_EVERY_S = 0.005  # whether another stop is over
IN_FLIGHT_S = 1.0  # an inject whose owner died may still reach the target for this long


class StopFailed(DrillyardError):
    """Something could not be put back; the text says what, and how to go on."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What a stop did."""

    healed: tuple[Injection, ...] = ()
    unhealed: tuple[Injection, ...] = ()
    unreadable: tuple[str, ...] = ()  # a sentence for each record that nobody can read

    @property
    def failed(self) -> tuple[str, ...]:
        """Say in a sentence each what is not put back."""
        return (*self.unreadable, *(f"{r.fault} of {r.victims} ({r.id}): {r.error}" for r in self.unhealed))

    def check(self) -> None:
        """Raise StopFailed unless everything was put back, with the commands that do it by hand."""
        if self.failed:
            by_hand = [command for record in self.unhealed for command in byhand.commands(record)]
            raise StopFailed(
                "could not put everything back: " + "; ".join(self.failed) + ". "
                + (f"By hand: {'; or: '.join(by_hand)}. " if by_hand else "")
                + "Nothing more is injected until `python -m rollback stop` succeeds and `python -m rollback verify` "
                "is clean, or somebody takes it on by `python -m rollback stop --force --reason WHY`."
            )  # fmt: skip


def stop(*, by: str, mine: Callable[[Injection], bool] = lambda _: True) -> Stopped:
    """Heal every open injection that `mine` accepts; one failure never stops the others.

    What keeps others from coming back goes first, then the newest first: a node that was killed while nothing could
    start is waited for in vain until something can.
    """
    with signals.deferred(), one_at_a_time():
        journal.tidy()
        records, unreadable = journal.open_records()
        still_open = Counter(record.target for record in records)
        healed, unhealed = [], []
        for record in sorted(records, key=lambda record: faults.kind(record.fault) not in faults.BLOCKING):
            if not mine(record):
                continue
            result = _heal(record, by, last=still_open[record.target] == 1)
            if result.healed_at_ns is None:
                unhealed.append(result)
            else:
                healed.append(result)
                still_open[record.target] -= 1
        journal.tidy()  # again: who was dying when this stop began is dead by now
        leases.give_back()
        return Stopped(healed=tuple(healed), unhealed=tuple(unhealed), unreadable=unreadable)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Serialise stops of all processes with this state; where no lock can be made or had, a stop goes on without.

    Two heals at once are legal; one that waits for ever for a process that was frozen in the middle of its own is not.
    """
    descriptor = _lock_file()
    try:
        if descriptor is not None:
            _wait_for(descriptor)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _wait_for(descriptor: int) -> None:
    deadline = time.monotonic() + HEAL_BUDGET_S
    while time.monotonic() < deadline:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOOK_EVERY_S)


def _lock_file() -> int | None:
    path = places.state_folder() / "stop.lock"
    try:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        descriptor = os.open(journal.home() / path.name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        places.give(descriptor, path.parent)
    except BadInput:
        return None  # nobody can write there
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return None
        raise DrillyardError(f"{path}: cannot be locked ({error.strerror})") from error
    return descriptor


def residue(target: Target) -> list[str]:
    """Ask every kind of fault what of it is still in the target."""
    found = []
    for name in faults.names():
        with contextlib.suppress(Unable):
            found += faults.load(name).residue(target)
    return found


def _heal(record: Injection, by: str, *, last: bool) -> Injection:
    began = record.heal_started_ns or time.monotonic_ns()
    record = journal.note(record, heal_started_ns=began, healed_by=by)
    if errors := _within_budget(lambda: _once_reached(lambda: _heal_and_look(record))):
        return journal.note(record, heal_failed_ns=time.monotonic_ns(), error="; ".join(errors))
    left = tuple(_within_budget(lambda: _left_behind(record), "could not look: ")) if last else ()
    error = record.error if record.injected_at_ns is None else None  # an earlier heal's failure is over
    closed = replace(record, healed_at_ns=time.monotonic_ns(), residue=left, error=error)
    try:
        journal.close(closed)
    except (OSError, DrillyardError) as full:
        return replace(record, error=f"is healed, but its record cannot be closed ({full}); free the disk, stop again")
    return closed


def _within_budget(work: Callable[[], list[str]], failed: str = "") -> list[str]:
    """Give what `work` finds wrong; whatever it raises, and that it does not end, is wrong as well."""
    found: list[list[str]] = []

    def worker() -> None:
        try:
            found.append(work())
        except TargetGone:
            found.append([])  # a target that does not exist any more holds no harm
        except BaseException as error:  # noqa: BLE001  the stop must try all the others, whatever this one raised
            found.append([failed + _told(error)])

    thread = threading.Thread(target=worker, daemon=True)
    thread.start()
    thread.join(HEAL_BUDGET_S)
    return found[0] if found else [f"{failed}did not end within {HEAL_BUDGET_S:.0f} s"]


def _once_reached(work: Callable[[], list[str]]) -> list[str]:
    """Try for as long as there is budget while nobody answers at the target's door; what that says comes last."""
    deadline = time.monotonic() + HEAL_BUDGET_S - UNREACHED_S
    while True:
        try:
            return work()
        except Unreached:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def _heal_and_look(record: Injection) -> list[str]:
    target, fault = attach(record.target), faults.load(record.fault)
    busy = _may_still_inject(record)  # before the wait: an owner that dies in it may have sent something
    if record.injected_at_ns is None:
        with contextlib.suppress(Exception):  # what was under way may have crossed it; the second one tells
            fault.heal(target, record.plan)
        time.sleep(IN_FLIGHT_S)
    fault.heal(target, record.plan)
    if fault.active(target, record.plan) is True:
        return ["still active after it was healed"]
    return [f"is healed, but pid {record.owner.pid} was injecting it and lives; stop again"] if busy else []


def _told(error: BaseException) -> str:
    says = f"{type(error).__name__}: {error}"
    mangled = isinstance(error, (KeyError, TypeError, AttributeError, ValueError))
    return f"its plan is not one that the fault understands ({says})" if mangled else says


def _may_still_inject(record: Injection) -> bool:
    """Tell whether another process is in the middle of the injection: closed now, its harm would have no record."""
    ended = record.injected_at_ns or record.inject_failed_ns
    return ended is None and record.owner != journal.myself() and record.owner.alive()


def _left_behind(record: Injection) -> list[str]:
    """Sweep for what no open record explains."""
    target = attach(record.target)  # first: of one that is gone, nobody need read all records
    others = [r for r in journal.open_records()[0] if r.id != record.id and r.target == record.target]
    return [] if others else residue(target)  # the stop of the last one sweeps for all


def leftovers() -> Callable[[Injection], bool]:
    """Accept the injections whose owner is dead."""
    return lambda record: not record.owner.alive()
