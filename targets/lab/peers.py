"""Which node a connection comes from: whose socket it is, told by the kernel. Standard library only.

A door under a rule asks this for every new connection, also while a hundred callers a second try again; so the socket
is looked up by its exact pair of ports, and only the descriptors of the nodes that the rules name are searched, and of
those only the processes of the socket's own user.
"""

import os
import socket
import struct
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from targets.lab import processes

OUTSIDE = "outside"
FRESH_S = 0.25  # how old the list of processes may be before somebody unknown is called an outsider
_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NLMSG_ERROR = 4, 20, 1, 2
_HEADER, _OWNER_AT = 16, 64  # bytes: struct nlmsghdr; idiag_uid and idiag_inode in struct inet_diag_msg


class Peers:
    """Looks callers up for one lab."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._members: dict[int, str] = {}
        self._listed = -FRESH_S

    def find(self, pairs: Iterable[tuple[int, int]], among: Collection[str]) -> dict[tuple[int, int], str]:
        """Name the node of `among` behind each (client port, door port), "outside" when it is none of them."""
        wanted = set(pairs)
        owners = {pair: owner for pair in wanted if (owner := _owner(*pair))}
        found = self._owned(owners, among)
        if len(found) < len(owners) and time.monotonic() - self._listed > FRESH_S:
            self._members, self._listed = processes.members(self._folder), time.monotonic()
            found = self._owned(owners, among)
        return dict.fromkeys(wanted, OUTSIDE) | found

    def _owned(
        self, owners: dict[tuple[int, int], tuple[int, int]], among: Collection[str]
    ) -> dict[tuple[int, int], str]:
        inodes = {inode: pair for pair, (_, inode) in owners.items()}
        users = {user for user, _ in owners.values()}
        return {
            inodes[inode]: node
            for pid, node in self._members.items()
            if node in among and _may_be_of(pid, users)
            for inode in _sockets(pid) & inodes.keys()
        }


def _owner(client_port: int, door_port: int) -> tuple[int, int] | None:
    """Ask the kernel for the user and the inode of the client's end, None when it is gone."""
    here = socket.inet_aton("127.0.0.1")
    pair = struct.pack("!HH16s16sI8s", client_port, door_port, here, here, 0, b"\xff" * 8)
    asked = struct.pack("BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + pair
    header = struct.pack("IHHII", _HEADER + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.send(header + asked)
        answer = kernel.recv(8192)
    if struct.unpack_from("IH", answer)[1] == _NLMSG_ERROR:
        return None
    user, inode = struct.unpack_from("II", answer, _HEADER + _OWNER_AT)
    return (user, inode) if inode else None


def _may_be_of(pid: int, users: Collection[int]) -> bool:
    """Say whether one of the users may have made the process's sockets; root owns what hides from its user."""
    try:
        return os.stat(f"/proc/{pid}").st_uid in {0, *users}  # noqa: PTH116  a Path would cost as much again
    except OSError:
        return False


def _sockets(pid: int) -> set[int]:
    found = set()
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):
                link = os.readlink(entry)  # noqa: PTH115  a Path would cost as much again
                if link.startswith("socket:["):
                    found.add(int(link[8:-1]))
    return found
