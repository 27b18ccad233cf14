"""What is on record of an injection, and how a record is read that may be older, newer, mangled or somebody else's."""

import json
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from targets.target import DrillyardError

VERSION = 1  # of the record; one without a version is of the same shape, from before there were any
LARGEST = 1_000_000  # bytes; a plan is a few hundred


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

    version: int = VERSION
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
    hurts_from_ns: int | None = None  # before that it cannot have hurt
    injected_at_ns: int | None = None
    inject_failed_ns: int | None = None  # its owner has given up, and injects no more
    bite: bool | None = None  # seen by looking after the injection
    bite_note: str | None = None
    heal_started_ns: int | None = None
    heal_failed_ns: int | None = None  # the last time that it could not be healed
    healed_at_ns: int | None = None
    healed_by: str | None = None
    residue: tuple[str, ...] = ()
    error: str | None = None  # why it could not be injected, or not be healed
    forced: str | None = None  # who gave it up without a heal, and why

    @property
    def victims(self) -> str:
        """Name them."""
        return ", ".join(self.plan["victims"])

    @property
    def broken(self) -> bool:
        """Tell whether somebody tried to heal it and could not."""
        return self.heal_failed_ns is not None and self.healed_at_ns is None


def boot_id() -> str:
    """Name this boot of the machine: monotonic stamps mean nothing in another one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def started_ticks(pid: int) -> int | None:
    """Say when a process started, in clock ticks after boot; None when it is dead or a zombie."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    except OSError:
        return None
    return None if state in (b"Z", b"X") else int(rest[18])


def read(path: Path) -> Injection:
    """Read one record. FileNotFoundError when it is gone, NotOurs when it cannot be understood or trusted."""
    try:
        return _parsed(json.loads(_text(path)), path.stem)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
        raise NotOurs(
            f"{path}: not a record that this version reads ({why}). Look at it, put back by hand what it names, then "
            "set it aside: `python -m rollback stop --force --reason WHY`"
        ) from error


def _text(path: Path) -> str:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, encoding="utf-8") as file:  # noqa: PTH123  of a descriptor
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise ValueError(f"it is no file, or one of more than {LARGEST} bytes")
        if found.st_uid not in _trusted(path.parent):
            raise ValueError(f"it was written by {user(found.st_uid)}")
        return file.read()


def _trusted(folder: Path) -> set[int]:
    """List whose records are believed: one's own and root's; root believes the owner of the folder."""
    return {0, os.geteuid(), *([folder.stat().st_uid] if os.geteuid() == 0 else [])}


def user(uid: int) -> str:
    """Name a user, by number if nothing else is known."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _parsed(data: object, stem: str) -> Injection:
    if not isinstance(data, dict):
        raise ValueError(f"it is {_short(data)}, not a JSON object")  # noqa: TRY004  as all that is wrong in a file
    version = data.get("version", VERSION)
    if type(version) is not int or version != VERSION:
        raise ValueError(f"version is {_short(version)}, this program's is {VERSION}; stop with the one that wrote it")
    if "owner" in data:
        data = {**data, "owner": Owner(**_checked(Owner, data["owner"]))}
    values = _checked(Injection, data)
    victims = values["plan"].get("victims")
    if not isinstance(victims, list) or not victims or not all(isinstance(name, str) for name in victims):
        raise ValueError(f"plan.victims is {_short(victims)}, not a list of names")
    if values["id"] != stem:
        raise ValueError(f"id is {_short(values['id'])}, and the file is called {stem!r}")
    return Injection(**values | {"residue": tuple(values.get("residue", ()))})


def _checked(kind: Any, data: object) -> dict[str, Any]:
    """Take the known fields of a record, each of its type. ValueError names the one that is not."""
    if not isinstance(data, dict):
        raise ValueError(f"{kind.__name__.lower()} is {_short(data)}, not an object")  # noqa: TRY004  as above
    for name, needed, hint in _shape(kind):
        if name in data and not _fits(data[name], hint):
            raise ValueError(f"{name} is {_short(data[name])}")
        if needed and name not in data:
            raise ValueError(f"{name} is missing")
    return {name: data[name] for name, _, _ in _shape(kind) if name in data}


@cache
def _shape(kind: Any) -> tuple[tuple[str, bool, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, field.default is MISSING, hints[field.name]) for field in fields(kind))


def _fits(value: object, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return type(value) is {Mapping: dict, None: NoneType}.get(get_origin(hint) or hint, hint)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
