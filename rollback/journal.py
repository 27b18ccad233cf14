"""The records of injections: one JSON file each, on disk before anything is hurt.

    <state>/open/<id>.json      somebody may be hurt
    <state>/closed/<id>.json    put back, and looked at; a copy lies in the drill's folder

State is derived from stamps, never stored.  All `*_ns` are CLOCK_MONOTONIC of the boot named in `boot`.
"""

import contextlib
import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from targets import places
from targets.target import DrillyardError


class NotOurs(DrillyardError):
    """A record that this version cannot read; it stays where it is."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The process that injected; its start time tells it from a later one with the same pid."""

    pid: int
    started: int  # clock ticks after boot, /proc/PID/stat field 22
    boot: str

    def alive(self) -> bool:
        """Tell whether that very process still runs."""
        return self.boot == boot_id() and started_ticks(self.pid) == self.started


@dataclass(frozen=True, kw_only=True)
class Injection:
    """One occurrence of a fault: whom it hurts, and how far it has come."""

    id: str
    drill: str
    fault: str
    target: str  # the target's address
    plan: Mapping[str, Any]
    owner: Owner
    folder: str | None  # the drill's folder, where the closed record goes
    planned_at_ns: int
    inject_started_ns: int
    expires_at_ns: int  # the watchdog heals it then, even if its owner lives
    prepares: bool = False  # it sets the stage for another one, and callers are not to notice it
    injected_at_ns: int | None = None
    bite: bool | None = None  # seen by looking after the injection
    bite_note: str | None = None
    heal_started_ns: int | None = None
    healed_at_ns: int | None = None
    healed_by: str | None = None
    residue: tuple[str, ...] = ()
    error: str | None = None  # why it could not be injected, or not be healed


def boot_id() -> str:
    """Name this boot of the machine: monotonic stamps mean nothing in another one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started_ticks(pid: int) -> int | None:
    """Say when a process started, in clock ticks after boot; None when it is dead or a zombie."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if state in "ZX" else int(rest[18])


def myself() -> Owner:
    """Describe this process as an owner."""
    return Owner(pid=os.getpid(), started=started_ticks(os.getpid()) or 0, boot=boot_id())


def new_id(drill: str) -> str:
    """Make an id that sorts by time and tells the drill."""
    return f"{time.time_ns():x}-{drill[:40]}-{uuid.uuid4().hex[:6]}"


def home() -> Path:
    """Give the folder of records, made when missing."""
    state = places.state_dir()
    for name in ("open", "closed"):
        (state / name).mkdir(mode=0o700, exist_ok=True)
    return state


def write(record: Injection) -> None:
    """Put the record into `open/`, durably, whole or not at all. Raises OSError: then nothing may be hurt."""
    _write(home() / "open" / f"{record.id}.json", record)


def close(record: Injection) -> None:
    """Move a healed record to `closed/`, with a copy in its drill's folder."""
    state = home()
    _write(state / "closed" / f"{record.id}.json", record)
    tell(record)
    (state / "open" / f"{record.id}.json").unlink(missing_ok=True)


def tidy() -> None:
    """Remove the half-written files of processes that are dead; nobody has acted on what they were to say."""
    for path in home().glob("*/.*.json.*"):
        if not Path(f"/proc/{path.suffix[1:]}").exists():
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def tell(record: Injection) -> None:
    """Copy the record as it is now into its drill's folder, for the judge."""
    if record.folder and Path(record.folder).is_dir():
        copies = Path(record.folder) / "injections"
        copies.mkdir(exist_ok=True)
        _write(copies / f"{record.id}.json", record)


def open_records() -> tuple[tuple[Injection, ...], tuple[str, ...]]:
    """List the open records, newest first, and a sentence for each file that cannot be read: none is skipped."""
    found, unreadable = [], []
    for path in (home() / "open").glob("*.json"):
        try:
            found.append(read(path))
        except FileNotFoundError:
            pass  # another stop closed it while we listed
        except NotOurs as error:
            unreadable.append(str(error))
    return tuple(sorted(found, key=lambda r: r.id, reverse=True)), tuple(unreadable)


def read(path: Path) -> Injection:
    """Read one record. FileNotFoundError when it is gone, NotOurs when it cannot be understood."""
    try:
        data = json.loads(path.read_text())
        known = {f.name for f in fields(Injection)}
        data = {k: v for k, v in data.items() if k in known}
        return Injection(**{**data, "owner": Owner(**data["owner"]), "residue": tuple(data["residue"])})
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotOurs(
            f"{path}: not a record that this version reads ({type(error).__name__}: {error}). "
            "Look at it, put back by hand what it names, then delete it."
        ) from error


def stamp(record: Injection, **changes: Any) -> Injection:
    """Change a record on disk and return it; the drill's folder gets a copy."""
    changed = replace(record, **changes)
    write(changed)
    tell(changed)
    return changed


def _write(path: Path, record: Injection) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w") as file:
            json.dump(asdict(record), file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
