"""Network namespaces: each node in one of its own, with nothing but a loopback. Standard library only.

The lab's doors listen in every one of them too, at the same port as outside, so nobody has to be told other addresses;
and a cut between two nodes can be made by the kernel itself (targets.lab.nft) instead of by a link that stops reading.
Root may do this, and an ordinary user inside a user namespace of his own, where the machine permits those.
A namespace lasts as long as somebody holds its descriptor or runs in it, so none outlives the lab.
"""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

SWITCH = "DRILLYARD_REACH"  # "links" keeps namespaces away
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNET, _NEWUSER = 0x40000000, 0x10000000
_SIOCSIFFLAGS, _IFF_UP_RUNNING = 0x8914, 0x41
_PR_CAP_AMBIENT, _RAISE, _CLEAR_ALL = 47, 2, 4
_CAPABILITY_VERSION_3 = 0x20080522
_NET_ADMIN, _SYS_ADMIN = 12, 21
_BACKLOG = 1024


def nft() -> str | None:
    """Find nftables' program; it is often where an ordinary user does not look."""
    return shutil.which("nft", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def permitted() -> bool:
    """Say whether a network namespace can be made and ruled here."""
    if os.environ.get(SWITCH) == "links" or nft() is None:
        return False
    try:
        os.close(make())
    except OSError:
        return False
    return True


def make() -> int:
    """Make a namespace with its loopback up and give a descriptor of it. OSError when that is not permitted."""

    def work() -> int:
        _check(_LIBC.unshare(_NEWNET))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_RUNNING))
        return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    return _aside(work)


def listening(space: int, host: str, port: int) -> socket.socket:
    """Give a socket that listens in that namespace, whoever uses it from wherever."""

    def work() -> socket.socket:
        enter(space)
        return socket.create_server((host, port), backlog=_BACKLOG)

    return _aside(work)


def enter(space: int) -> None:
    """Bring the calling thread into that namespace."""
    _check(_LIBC.setns(space, _NEWNET))


def enter_for_good(space: int | None) -> None:
    """Bring a process that is about to become a node into its namespace, without the right to leave it."""
    if space is not None:
        enter(space)
    _LIBC.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)


def own_users() -> None:
    """Let an ordinary user rule namespaces: in a user namespace where he is who he was. Nothing when not permitted.

    The process must have one thread.  What it starts keeps the rights until `enter_for_good` takes them away.
    """
    user, group = os.geteuid(), os.getegid()
    if user == 0 or os.environ.get(SWITCH) == "links" or _LIBC.unshare(_NEWUSER):
        return
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        return
    _keep_over_exec(_NET_ADMIN, _SYS_ADMIN)


def _keep_over_exec(*capabilities: int) -> None:
    """Make capabilities inheritable and ambient: without that an exec by an ordinary user drops them."""
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    data = ctypes.create_string_buffer(24)
    if _LIBC.capget(header, data):
        return
    words = list(struct.unpack("6I", data.raw))  # effective, permitted, inheritable; then the upper halves
    words[2] |= sum(1 << each for each in capabilities)
    if _LIBC.capset(header, struct.pack("6I", *words)):
        return
    for each in capabilities:
        _LIBC.prctl(_PR_CAP_AMBIENT, _RAISE, each, 0, 0)


def _aside(work: Callable[[], T]) -> T:
    """Do something in a thread of its own: a namespace belongs to the thread that entered it."""
    results: list[T] = []
    errors: list[OSError] = []

    def run() -> None:
        try:
            results.append(work())
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(code: int) -> None:
    if code:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
