"""The stop: heals everything open, looks, and proves it gone. It may be called by anyone, at any time, twice."""

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from experiments import faults
from rollback import journal, signals
from rollback.journal import Injection
from targets.target import DrillyardError, Target, TargetGone, Unable, attach

HEAL_BUDGET_S = 60.0  # for one injection; the caller's own patience does not shorten it
IN_FLIGHT_S = 1.0  # an inject whose owner died may still reach the target for this long


class StopFailed(DrillyardError):
    """Something could not be put back; the text says what, and how to go on."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What a stop did."""

    healed: tuple[Injection, ...] = ()
    failed: tuple[str, ...] = ()  # a sentence each

    def check(self) -> None:
        """Raise StopFailed unless everything was put back."""
        if self.failed:
            raise StopFailed(
                "could not put everything back: " + "; ".join(self.failed) + ". Nothing more is injected until "
                "`python -m rollback stop` succeeds and `python -m rollback verify` is clean."
            )


def stop(*, by: str, mine: Callable[[Injection], bool] = lambda _: True) -> Stopped:
    """Heal every open injection that `mine` accepts, newest first; one failure never stops the others."""
    with signals.deferred(), one_at_a_time():
        journal.tidy()
        records, unreadable = journal.open_records()
        healed, failed = [], list(unreadable)
        for record in records:
            if not mine(record):
                continue
            result = _heal(record, by)
            if result.healed_at_ns is None:
                failed.append(f"{result.fault} of {', '.join(result.plan['victims'])} ({result.id}): {result.error}")
            else:
                healed.append(result)
        return Stopped(healed=tuple(healed), failed=tuple(failed))


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Serialise stops of all processes of this user."""
    descriptor = os.open(journal.home() / "stop.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def residue(target: Target) -> list[str]:
    """Ask every kind of fault what of it is still in the target."""
    found = []
    for name in faults.names():
        with contextlib.suppress(Unable):
            found += faults.load(name).residue(target)
    return found


def _heal(record: Injection, by: str) -> Injection:
    record = _noted(replace(record, heal_started_ns=record.heal_started_ns or time.monotonic_ns(), healed_by=by))
    errors: list[str] = []
    worker = threading.Thread(target=_heal_and_look, args=(record, errors), daemon=True)
    worker.start()
    worker.join(HEAL_BUDGET_S)
    if worker.is_alive():
        errors.append(f"did not end within {HEAL_BUDGET_S:.0f} s")
    if errors:
        return _noted(replace(record, error="; ".join(errors)))
    left = tuple(_left_behind(record))
    error = record.error if record.injected_at_ns is None else None  # an earlier heal's failure is over
    closed = replace(record, healed_at_ns=time.monotonic_ns(), residue=left, error=error)
    try:
        journal.close(closed)
    except OSError as full:
        return replace(record, error=f"is healed, but its record cannot be closed ({full}); free the disk, stop again")
    return closed


def _noted(record: Injection) -> Injection:
    """Write the record down if that can be done: a full disk must not keep anything from being put back."""
    with contextlib.suppress(OSError):
        journal.write(record)
        journal.tell(record)
    return record


def _heal_and_look(record: Injection, errors: list[str]) -> None:
    try:
        target = attach(record.target)
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
        errors.append(f"{type(error).__name__}: {error}")


def _left_behind(record: Injection) -> list[str]:
    """Sweep for what no open record explains."""
    others = [r for r in journal.open_records()[0] if r.id != record.id and r.target == record.target]
    if others:
        return []  # the stop of the last one sweeps for all
    try:
        return residue(attach(record.target))
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
