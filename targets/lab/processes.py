"""Who runs inside a lab's folder, told from /proc alone. Standard library only, importable without the house.

A process belongs to a lab when its working directory lies inside the lab's folder *and* it carries the lab's
mark in its environment; the database servers overwrite their environment, so those are known by their program.
A person's shell that happens to stand in the folder is therefore left alone.
"""

import ctypes
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MARK = "DRILLYARD_LAB"  # in the environment of every process that the lab starts
SERVERS = ("postgres", "valkey-server", "redis-server")
_IPC_RMID = 0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def members(folder: Path) -> dict[int, str]:
    """Map the pid of each live process of the lab to the name of the node whose folder it stands in."""
    found = {}
    prefix = f"{folder}/"
    for pid in _pids():
        try:
            where = _link(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if f"{where}/".startswith(prefix) and _is_ours(pid, folder):
            found[pid] = where[len(prefix) :].partition("/")[0]
    return found


def _pids() -> list[int]:
    return [int(e.name) for e in os.scandir("/proc") if e.name.isdigit() and int(e.name) != os.getpid()]


def _is_ours(pid: int, folder: Path) -> bool:
    try:
        if _link(f"/proc/{pid}/exe").rpartition("/")[2] in SERVERS:
            return True
        return f"{MARK}={folder}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _link(path: str) -> str:
    return os.readlink(path).removesuffix(" (deleted)")  # noqa: PTH115  a Path would cost as much again


def stat(pid: int) -> tuple[int, str, int] | None:
    """Give (parent, state letter, start time in clock ticks) of a process, None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return None
    return int(fields[1]), fields[0], int(fields[19])


def incarnation(pid: int) -> str | None:
    """Identify a running process as "pid:start time"; None when it does not run (a zombie does not)."""
    known = stat(pid)
    return None if known is None or known[1] in "ZX" else f"{pid}:{known[2]}"


def die_with_parent() -> None:
    """Have the kernel SIGKILL this process when its parent dies: should supervisor and keeper be killed at once."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def kill_all(pids: Iterable[int]) -> None:
    """SIGKILL processes, parents first: a dying postmaster must not get to restart or reap its children."""
    everybody = set(pids)
    parents = {pid: (stat(pid) or (0, "", 0))[0] for pid in everybody}
    send(signal.SIGKILL, sorted(everybody, key=lambda one: (parents[one] in everybody, one)))


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal to each, in this order; those that are gone are left out."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def is_stopped(pid: int) -> bool:
    """Say whether a process is stopped by a signal."""
    known = stat(pid)
    return known is not None and known[1] in "Tt"


def remove_segments(data: Path) -> None:
    """Remove the SysV shared memory that dead PostgreSQL servers of a data folder left.

    That which postmaster.pid names, even while somebody is attached: who just looks at a dying process keeps its memory
    for a moment.  And that which nobody had written down yet: a server that is killed while it starts has made it, for
    a key that is its folder's inode (PostgreSQL's sysv_shmem.c), and neither attached it nor noted it.
    """
    for key, segment, attached, uid in _segments():  # by id *and* key: ids are used again
        if (key, segment) == _noted(data) or (not attached and (key, uid) == _own(data)):
            _LIBC.shmctl(segment, _IPC_RMID, None)


def _noted(data: Path) -> tuple[int, int] | None:
    try:
        key, segment = (int(x) for x in (data / "postmaster.pid").read_text().splitlines()[6].split())
    except (OSError, IndexError, ValueError):
        return None
    return key, segment


def _own(data: Path) -> tuple[int, int] | None:
    try:
        known = data.stat()
    except OSError:
        return None
    return ctypes.c_int(known.st_ino).value, known.st_uid


def _segments() -> list[tuple[int, int, int, int]]:
    """List key, id, how many are attached, and whose it is."""
    head, *rows = (line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines())
    columns = [head.index(name) for name in ("key", "shmid", "nattch", "uid")]
    found = [[int(row[at]) for at in columns] for row in rows]
    return [(key, segment, attached, uid) for key, segment, attached, uid in found]
