"""Volumes: each PostgreSQL node writes its WAL to a file system of its own, of a limited size, that can be full.

They are in memory (tmpfs), and only the lab's supervisor and what it starts can see them: they are mounted in a mount
namespace that ends with its last process, so none outlives the lab, and whoever fills one fills nobody else's disk.
Root may do this, and an ordinary user inside a user namespace of his own (targets.lab.spaces). Elsewhere the WAL lies
in the data folder, as usual, and `lacks` says why.  Standard library only.
"""

import ctypes
import os
import shutil
from contextlib import suppress
from pathlib import Path

from targets.lab import spaces
from targets.target import BadInput

NAME = "wal"  # the folder in a node's folder at which its volume is mounted
SOURCE = "drillyard"  # what the kernel's list of mounts says of them; targets.lab.loads.space looks for it
MEGABYTES = 256  # the most that one takes of the memory; see targets.lab.roles.pgsettings for what WAL needs of it
COMPONENT = "postgres"
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNS = 0x20000
_NOSUID, _NODEV, _NOEXEC, _REC, _SLAVE = 2, 4, 8, 0x4000, 1 << 19
_DETACH = 2


class Volumes:
    """The volumes of one lab; made in the supervisor, while it has one thread."""

    def __init__(self) -> None:
        self.lacks = _own_mounts()  # why there are none, "" when there are

    def add(self, node: Path) -> None:
        """Mount a volume in a node's folder; nothing where that is not possible."""
        folder = node / NAME
        if self.lacks:
            return
        folder.mkdir()
        try:
            _mount(folder)
        except OSError as error:
            folder.rmdir()
            self.lacks = f"no tmpfs can be mounted for it here ({error.strerror})"

    def room(self, node: Path) -> int:
        """Say how many bytes are free on a node's volume. BadInput when it has none."""
        if self.lacks or not (node / NAME).is_dir():
            raise BadInput(f"{node.name} has no volume of its own{self.lacks and ': '}{self.lacks}")
        found = os.statvfs(node / NAME)
        return found.f_bavail * found.f_frsize


def take_away(lab: Path) -> None:
    """Unmount the volumes of a lab, as far as this process sees any."""
    for folder in lab.glob(f"*/{NAME}"):
        _LIBC.umount2(os.fsencode(folder), _DETACH)


def clear(node: Path) -> None:
    """Remove everything from a node's volume; nothing where it has none."""
    with suppress(FileNotFoundError):
        for each in (node / NAME).iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()


def _own_mounts() -> str:
    """Enter a mount namespace whose mounts nobody else sees; say why not where that is not possible."""
    if os.environ.get(spaces.SWITCH) == "links":
        return f"{spaces.SWITCH}=links keeps namespaces away; unset it"
    if _LIBC.unshare(_NEWNS) or _LIBC.mount(None, b"/", None, _REC | _SLAVE, None):
        why = os.strerror(ctypes.get_errno())
        return f"no mount namespace can be made here ({why}); permit user namespaces, or a container CAP_SYS_ADMIN"
    return ""


def _mount(folder: Path) -> None:
    options = f"size={MEGABYTES}m,mode=0700".encode()
    if _LIBC.mount(SOURCE.encode(), os.fsencode(folder), b"tmpfs", _NOSUID | _NODEV | _NOEXEC, options):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
