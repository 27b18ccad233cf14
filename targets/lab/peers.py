"""Which node a connection comes from: whose socket it is, told from /proc. Standard library only."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from targets.lab import processes

OUTSIDE = "outside"


def callers(folder: Path, pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Name the node behind each (client port, door port), "outside" when no process of the lab owns it."""
    wanted = set(pairs)
    inodes = {inode: pair for pair, inode in _inodes(wanted).items()}
    found = dict.fromkeys(wanted, OUTSIDE)
    for pid, node in processes.members(folder).items():
        for inode in _sockets(pid) & inodes.keys():
            found[inodes[inode]] = node
    return found


def _inodes(wanted: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split(None, 10)
                pair = (_port(fields[1]), _port(fields[2]))
                if pair in wanted and fields[9] != "0":
                    found[pair] = int(fields[9])
    return found


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _sockets(pid: int) -> set[int]:
    found = set()
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                link = os.readlink(entry)  # noqa: PTH115  a Path would cost as much again
                if link.startswith("socket:["):
                    found.add(int(link[8:-1]))
    return found
