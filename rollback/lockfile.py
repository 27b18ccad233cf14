"""A lock file that users of one machine share, and the note in it: anybody may write one, so it is quoted, no more."""

import contextlib
import fcntl
import json
import os
import stat
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rollback import journal
from rollback.records import Owner, user
from targets.target import BadInput

POLL_S = 0.02
MAY_BE_MADE_S = 1.0  # somebody else makes the file, and it is not everybody's yet
NOTE_BYTES = 4096
SOMEBODY = "somebody"
FLAGS = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def locked(path: Path) -> int | None:
    """Lock the file that has this name now, and give its descriptor; None when somebody else has it.

    BadInput when it is no file that could be locked.
    """
    descriptor = _open(path)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):
            return descriptor
    os.close(descriptor)
    return None


def unlock(path: Path, descriptor: int) -> None:
    """Give it back, and leave neither file nor note."""
    try:
        path.unlink()  # while it is ours: whoever waits for the old one sees that its name is gone
    except OSError:  # somebody else's file, in a folder where everybody may only remove his own
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
    os.close(descriptor)


def sign(descriptor: int, drill: str) -> None:
    """Say in the file who has it."""
    since = time.strftime("%H:%M:%S", time.gmtime())
    note = {**asdict(journal.myself()), "user": user(os.getuid()), "drill": drill, "since": since}
    with contextlib.suppress(OSError):  # the disk is full: it is locked all the same
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)


def holder(path: Path) -> str:
    """Name who has it: the drill, the user, the process, since when."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return SOMEBODY
    try:
        return signed(descriptor) or SOMEBODY
    finally:
        os.close(descriptor)


def signed(descriptor: int) -> str | None:
    """Say who has signed, None when nobody has."""
    note = _note(descriptor)
    if not note:
        return None
    drill, name, since = (_plain(note.get(key)) for key in ("drill", "user", "since"))
    pid, started, boot = note.get("pid"), note.get("started"), note.get("boot")
    if isinstance(pid, int) and isinstance(started, int) and isinstance(boot, str):
        dead = "" if Owner(pid=pid, started=started, boot=boot).alive() else ", dead by now"
    else:
        dead = ""
    return f"drill {drill} of {name} (pid {_plain(pid)}{dead}, since {since} UTC)"


def _note(descriptor: int) -> dict[str, Any]:
    try:
        note = json.loads(os.pread(descriptor, NOTE_BYTES, 0) or b"{}")
    except (OSError, ValueError, RecursionError):
        return {"drill": "?"}
    return note if isinstance(note, dict) else {"drill": "?"}


def _plain(value: object) -> str:
    return "".join(filter(str.isprintable, str(value)))[:60]


def _open(path: Path) -> int:
    """Open the file for everybody, made when missing; never what a name of somebody else's making leads to."""
    until = time.monotonic() + MAY_BE_MADE_S
    while True:
        try:
            return _regular(os.open(path, FLAGS))  # without O_CREAT: kernels refuse that for other users' files
        except FileNotFoundError:
            if (made := _made(path)) is not None:
                return made
        except PermissionError as error:
            if time.monotonic() > until:
                raise _unusable(path, error.strerror) from error
            time.sleep(POLL_S)
        except (OSError, ValueError) as error:
            raise _unusable(path, getattr(error, "strerror", None) or str(error)) from error


def _made(path: Path) -> int | None:
    """Make the file, None when somebody else was faster."""
    try:
        descriptor = os.open(path, FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror) from error
    os.fchmod(descriptor, 0o666)  # whatever the umask says
    return descriptor


def _regular(descriptor: int) -> int:
    """Refuse what is no plain file of one name: a note is written into it. ValueError says so."""
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return descriptor
    os.close(descriptor)
    raise ValueError("it is no plain file of one name")


def _unusable(path: Path, why: str | None) -> BadInput:
    return BadInput(f"{path}: cannot be locked ({why}); look whose it is, and have it removed")
