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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rollback.records import Injection, NotOurs, Owner, boot_id, read, started_ticks
from targets import places
from targets.target import BadInput, DrillyardError

__all__ = ["Injection", "NotOurs", "Owner", "boot_id", "read", "started_ticks"]


def myself() -> Owner:
    """Describe this process as an owner."""
    return Owner(pid=os.getpid(), started=started_ticks(os.getpid()) or 0, boot=boot_id())


def new_id(drill: str) -> str:
    """Make an id that sorts by time and tells the drill."""
    return f"{time.time_ns():x}-{drill[:40].replace('/', '-')}-{uuid.uuid4().hex[:6]}"


def home() -> Path:
    """Give the folder of records, made when missing. BadInput when nothing can be written there."""
    state = places.state_dir()
    for name in ("open", "closed"):
        (state / name).mkdir(mode=0o700, exist_ok=True)
    return state


def stops() -> Path:
    """Give the folder of the emergency stops' reports, made when missing."""
    folder = home() / "stops"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write(record: Injection) -> None:
    """Put the record into `open/`, durably, whole or not at all. Raises OSError: then nothing may be hurt."""
    put(home() / "open" / f"{record.id}.json", asdict(record))


def close(record: Injection) -> None:
    """Move a record that is dealt with to `closed/`, with a copy in its drill's folder."""
    state = home()
    put(state / "closed" / f"{record.id}.json", asdict(record))
    with contextlib.suppress(OSError):  # the drill's folder may be gone, or full: then the judge calls it not put back
        tell(record)
    withdraw(record)


def withdraw(record: Injection) -> None:
    """Take a record out of `open/`; nothing to do when it is not there."""
    (places.state_folder() / "open" / f"{record.id}.json").unlink(missing_ok=True)


def set_aside() -> list[Path]:
    """Move everything in `open/` that cannot be read to `closed/`, as it is; gives where it lies now."""
    state, moved = home(), []
    for path in _listed()[1]:
        aside = state / "closed" / f"{path.name}.{uuid.uuid4().hex[:6]}.set-aside"
        path.rename(aside)
        moved.append(aside)
    return moved


def tidy() -> None:
    """Remove the half-written files of processes that are dead; nobody has acted on what they were to say."""
    for path in places.state_folder().glob("*/.*.json.*"):
        if not path.suffix[1:].isdigit() or started_ticks(int(path.suffix[1:])) is None:  # nor does a zombie write
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def tell(record: Injection) -> None:
    """Copy the record as it is now into its drill's folder, for the judge."""
    if record.folder and Path(record.folder).is_dir():
        copies = Path(record.folder) / "injections"
        copies.mkdir(exist_ok=True)
        put(copies / f"{record.id}.json", asdict(record))


def open_records() -> tuple[tuple[Injection, ...], tuple[str, ...]]:
    """List the open records, newest first, and a sentence for each file that cannot be read: none is skipped.

    BadInput when the folder itself cannot be read.
    """
    found, unreadable = _listed()
    return tuple(sorted(found, key=lambda record: record.id, reverse=True)), tuple(unreadable.values())


def find(record_id: str) -> Injection | None:
    """Read a record, be it open or closed; None when it is neither, or cannot be read."""
    for kind in ("open", "closed"):
        with contextlib.suppress(OSError, NotOurs):
            return read(places.state_folder() / kind / f"{record_id}.json")
    return None


def _listed() -> tuple[list[Injection], dict[Path, str]]:
    folder = places.state_folder() / "open"
    found, unreadable = [], {}
    for name in _names(folder):
        try:
            found.append(read(folder / name))
        except FileNotFoundError:
            pass  # another stop closed it while we listed
        except NotOurs as error:
            unreadable[folder / name] = str(error)
    return found, unreadable


def _names(folder: Path) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(".json")]  # noqa: PTH208  glob hides errors
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot read the records of open faults there ({error.strerror}); set DRILLYARD_STATE to the "
            "folder that the drills had"
        ) from error


def stamp(record: Injection, **changes: Any) -> Injection:
    """Change a record on disk, keeping what a stop has written there; the drill's folder gets a copy."""
    with contextlib.suppress(FileNotFoundError, NotOurs):
        record = read(home() / "open" / f"{record.id}.json")
    changed = replace(record, **changes)
    write(changed)
    tell(changed)
    return changed


def note(record: Injection, **changes: Any) -> Injection:
    """Change a record that is still open, if that can be done: a full disk must not keep anything from being put back.

    What its owner has written meanwhile is kept; one that was closed meanwhile stays closed.
    """
    changed = replace(record, **changes)
    with contextlib.suppress(OSError, DrillyardError):
        path = home() / "open" / f"{record.id}.json"
        changed = replace(read(path), **changes)
        put(path, asdict(changed), sync=False)
        tell(changed)
    return changed


def put(path: Path, data: Mapping[str, Any], *, sync: bool = True) -> None:
    """Write JSON into a file, whole or not at all, and durably unless `sync` is False: for what is there already.

    It belongs to whom its folder belongs, also when root writes it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # of an earlier process with this pid
    try:
        with temporary.open("x") as file:
            places.give(file.fileno(), path.parent)
            json.dump(data, file, indent=1)
            file.write("\n")
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if not sync:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
