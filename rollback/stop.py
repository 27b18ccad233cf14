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
from pathlib import Path

from experiments import faults
from rollback import byhand, journal, signals
from rollback.journal import Injection
from targets import places
from targets.target import BadInput, DrillyardError, Target, TargetGone, Unable, attach

HEAL_BUDGET_S = 60.0  # for one injection; the caller's own patience does not shorten it
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
    """Heal every open injection that `mine` accepts, newest first; one failure never stops the others."""
    with signals.deferred(), one_at_a_time():
        records, unreadable = journal.open_records()
        still_open = Counter(record.target for record in records)
        healed, unhealed = [], []
        for record in records:
            if not mine(record):
                continue
            result = _heal(record, by, last=still_open[record.target] == 1)
            if result.healed_at_ns is None:
                unhealed.append(result)
            else:
                healed.append(result)
                still_open[record.target] -= 1
        return Stopped(healed=tuple(healed), unhealed=tuple(unhealed), unreadable=unreadable)


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Serialise stops of all processes with this state; where no lock can be made, a stop goes on without."""
    descriptor = _lock_file()
    try:
        if descriptor is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


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
    record = replace(record, heal_started_ns=began, healed_by=by)
    errors: list[str] = []
    worker = threading.Thread(target=_heal_and_look, args=(record, errors), daemon=True)
    worker.start()
    worker.join(HEAL_BUDGET_S)
    if worker.is_alive():
        errors.append(f"did not end within {HEAL_BUDGET_S:.0f} s")
    if errors:
        return journal.note(replace(record, heal_failed_ns=time.monotonic_ns(), error="; ".join(errors)))
    left = tuple(_left_behind(record)) if last else ()  # the stop of the last one sweeps for all
    error = record.error if record.injected_at_ns is None else None  # an earlier heal's failure is over
    closed = replace(record, healed_at_ns=time.monotonic_ns(), residue=left, error=error)
    try:
        journal.close(closed)
    except (OSError, DrillyardError) as full:
        return replace(record, error=f"is healed, but its record cannot be closed ({full}); free the disk, stop again")
    return closed


def _heal_and_look(record: Injection, errors: list[str]) -> None:
    try:
        target = attach(record.target)
        journal.note(record)
        fault = faults.load(record.fault)
        fault.heal(target, record.plan)
        if record.injected_at_ns is None:
            time.sleep(IN_FLIGHT_S)
            fault.heal(target, record.plan)
        if fault.active(target, record.plan) is True:
            errors.append("still active after it was healed")
    except TargetGone:
        pass  # a target that does not exist any more holds no harm
    except Exception as error:  # noqa: BLE001  the stop must try all the others, whatever this one raised
        mangled = isinstance(error, (KeyError, TypeError, AttributeError, ValueError))
        says = f"{type(error).__name__}: {error}"
        errors.append(f"its plan is not one that the fault understands ({says})" if mangled else says)


def _left_behind(record: Injection) -> list[str]:
    """Sweep for what no open record explains."""
    try:
        target = attach(record.target)
        others = any(each.id != record.id and each.target == record.target for each in journal.open_records()[0])
        return [] if others else residue(target)
    except TargetGone:
        return []
    except DrillyardError as error:
        return [f"could not look: {error}"]


def leftovers() -> Callable[[Injection], bool]:
    """Accept the injections whose owner is dead."""
    return lambda record: not record.owner.alive()


def folder() -> Path:
    """Say where the open records lie, for messages."""
    return journal.home() / "open"
