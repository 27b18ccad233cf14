"""Who pressed the red button, when and why: a mark in the state folder, by which running drills learn of it.

    <state>/stopped.json    the last stop by hand, of everything and of each kind
    <state>/stops/          the report of every one

The stop leaves its mark before it looks what is open, and the door looks for marks after it has written its record:
so one of the two sees the other.
"""

import contextlib
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from experiments import faults
from rollback import journal
from rollback.records import boot_id, user
from targets import places

BY_HAND = "by hand"  # how the records of what such a stop has healed begin
EVERYTHING = "everything"
FILE = "stopped.json"
BORN_NS = time.monotonic_ns()  # about when this process began: it obeys the marks from then on


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is at the keyboard."""

    user: str
    uid: int
    pid: int
    host: str
    terminal: str | None
    sudo_user: str | None  # whose sudo it is

    def __str__(self) -> str:
        """Name them in a sentence."""
        return f"{self.user}{f' for {self.sudo_user}' if self.sudo_user else ''} (pid {self.pid})"


def person() -> Person:
    """Describe whoever runs this process."""
    return Person(
        user=user(os.getuid()),
        uid=os.getuid(),
        pid=os.getpid(),
        host=socket.gethostname(),
        terminal=_terminal(),
        sudo_user=os.environ.get("SUDO_USER") or None,
    )


def utc() -> str:
    """Give the time of day, ISO, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def leave(*, by: Person, reason: str, only: str | None) -> None:
    """Leave the mark of a stop. OSError or BadInput when it cannot be written: running drills do not learn of it."""
    path = journal.home() / FILE
    mark = {"at_ns": time.monotonic_ns(), "boot": boot_id(), "at": utc(), "by": asdict(by), "reason": reason}
    journal.put(path, {**(_read() or {}), only or EVERYTHING: mark})


def since(at_ns: int, fault: str | None = None) -> str | None:
    """Say who stopped everything after `at_ns` (monotonic), or the kind that `fault` is of; None when nobody did."""
    marks = _read()
    if marks is None:
        return f"{BY_HAND}: {places.state_folder() / FILE} cannot be read; look at it and delete it"
    asked = [EVERYTHING, *([faults.kind(fault)] if fault else [])]
    fresh = [mark for kind in asked if (mark := marks.get(kind)) and _is_after(mark, at_ns)]
    return _told(fresh[-1]) if fresh else None


def _read() -> dict[str, Any] | None:
    """Read the marks, {} when there are none, None when they cannot be read."""
    try:
        marks = json.loads((places.state_folder() / FILE).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(marks, dict) and all(isinstance(mark, dict) for mark in marks.values())
    return marks if whole else None


def _is_after(mark: dict[str, Any], at_ns: int) -> bool:
    stamp = mark.get("at_ns")
    return mark.get("boot") == boot_id() and isinstance(stamp, int) and stamp >= at_ns


def _told(mark: dict[str, Any]) -> str:
    by = mark.get("by")
    who = f"{by.get('user')} (pid {by.get('pid')})" if isinstance(by, dict) else "somebody"
    reason = f": {mark['reason']}" if mark.get("reason") else ""
    return f"{BY_HAND} by {who} at {str(mark.get('at'))[11:19]} UTC{reason}"


def _terminal() -> str | None:
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.ttyname(descriptor)
    return None
