"""Where things live on this machine: the folder of the labs and the house's own state. Standard library only."""

import hashlib
import os
import tempfile
from pathlib import Path

from targets.target import BadInput

ROOT = Path(__file__).resolve().parent.parent
SHARED = (Path("/run/lock"), Path("/dev/shm"), Path("/tmp"))  # noqa: S108  all users of a machine must agree on one
STICKY = 0o1777


def python_path() -> str:
    """Give the PYTHONPATH with which another process finds the house, and what this one was told to find."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))


def labs_folder() -> Path:
    """Say where this user's labs live; it exists only while there is a lab."""
    return Path(tempfile.gettempdir()).resolve() / f"drillyard-{os.getuid()}"


def state_dir() -> Path:
    """Give the folder of open injections and other state, made 0700. BadInput when it cannot be written."""
    folder = state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error.strerror) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unusable(folder, "Permission denied")
    return folder


def _unusable(folder: Path, why: str | None) -> BadInput:
    return BadInput(
        f"{folder}: cannot keep the record of open faults there ({why}); set DRILLYARD_STATE to a folder of yours"
    )


def state_folder() -> Path:
    """Say where that is, be it there or not: for those who only read."""
    named, home = os.environ.get("DRILLYARD_STATE"), os.environ.get("XDG_STATE_HOME")
    folder = Path(named) if named else (Path(home) if home else Path("~/.local/state")) / "drillyard"
    return folder.expanduser().absolute()


def lock_file(address: str) -> Path:
    """Say which file is locked by whoever drills on a target: in its own folder, else where every user can reach it."""
    folder = Path(address.partition(":")[2])
    if folder.is_absolute() and folder.is_dir():
        return folder / "drill.lock"
    shared = next((place for place in SHARED if place.is_dir() and place.stat().st_mode & STICKY == STICKY), SHARED[-1])
    return shared / f"drillyard-{hashlib.sha256(address.encode()).hexdigest()[:16]}.lock"


def give(handle: int, folder: Path) -> None:
    """Let a file that root makes in somebody's folder belong to him: he has to go on with it."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.fchown(handle, owner.st_uid, owner.st_gid)
