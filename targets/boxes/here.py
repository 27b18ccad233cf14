"""The processes of a lab's containers as this machine's kernel shows them, where the engine runs on it and we may look.

The engine itself takes the tenth of a second for each command that it is to run in a container, and lists the processes
of one by those of all; here both take milliseconds.  Elsewhere (Docker Desktop, another machine's engine, not root)
nothing is seen, and the engine is asked.
"""

import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from targets.lab.processes import stat

_CONTAINER = re.compile(r"[0-9a-f]{64}")
_GROUPS = Path("/sys/fs/cgroup")
_GROUPLESS = _GROUPS / "cpu/cgroup.procs"
Found = tuple[int, str, str]  # pid, state letter, command line
Lister = Callable[[], list[int]]


def processes(boxes: Iterable[str]) -> Mapping[str, list[Found]]:
    """List the processes of containers, by the containers' ids: those that are not to be seen are not in it."""
    wanted, found = set(boxes), dict[str, list[Found]]()
    for name in os.listdir("/proc"):  # noqa: PTH208  names are all that is needed
        if (
            name.isdigit()
            and (box := _container(name)) in wanted
            and (known := stat(int(name)))
            and known[1] not in "ZX"
        ):
            found.setdefault(box, []).append((int(name), known[1], _line(name)))
    return found


def lister(box: str) -> Lister:
    """Find out how to list a container's processes, the oldest pids first, by its control group if that has them all.

    What it gives takes a millisecond then, and looking through all of /proc some thirty: too long for a blow.
    """
    there = _pids(box)
    for group in _groups(there):
        if _members(group) == there:
            return partial(_members, group)
    return partial(_pids, box)


def _pids(box: str) -> list[int]:
    return sorted(pid for pid, _, _ in processes([box]).get(box, []))


def _groups(pids: Iterable[int]) -> Iterator[Path]:
    """Name the lists in which the first of them may be: one for each hierarchy of control groups."""
    for pid in list(pids)[:1]:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
                _, hierarchy, path = line.split(":", 2)
                yield _GROUPS / hierarchy.removeprefix("name=") / path.lstrip("/") / "cgroup.procs"


def _members(group: Path) -> list[int]:
    """List the pids in a control group, dead ones aside; [] when it is gone."""
    with suppress(OSError):
        return [
            pid for pid in sorted(map(int, group.read_text().split())) if (known := stat(pid)) and known[1] not in "ZX"
        ]
    return []


def stopped(pids: Iterable[int]) -> bool:
    """Tell whether all of these processes are frozen."""
    return all((known := stat(pid)) and known[1] in "Tt" for pid in pids)


def has_ended(box: str, first: int) -> bool:
    """Tell whether a container's first process is dead, on the machine on which the engine runs."""
    known = stat(first)
    return known is None or known[1] in "ZX" or _container(str(first)) != box


def send(number: signal.Signals, box: str, pids: Iterable[int]) -> bool:
    """Signal processes of a container, each only if it is still one of its own; False when we may not."""
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                _send(number, box, pid)
    except PermissionError:
        return False
    return True


def favour(box: str) -> None:
    """Have a container's processes go before others, as far as we may: its clients say how late they were all the same.

    Real-time, as the client on this machine asks for itself; in a container it has not the right to.
    """
    for pid, _, _ in processes([box]).get(box, []):
        with suppress(OSError):
            try:
                _hurry(pid)
            except PermissionError:  # a kernel that counts such processes' time by group gives containers' groups none
                _GROUPLESS.write_text(str(pid))
                _hurry(pid)


def _hurry(pid: int) -> None:
    os.sched_setscheduler(pid, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def _send(number: signal.Signals, box: str, pid: int) -> None:
    handle = os.pidfd_open(pid)
    try:
        if _container(str(pid)) == box:  # looked at when it is held: another may have had the number before
            signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _container(pid: str) -> str:
    """Name the container that a process is in, by its control group; "" for one that is in none, or not to be seen.

    The innermost: a pod's container on kind is in another, which is the cluster's node.
    """
    with suppress(OSError):
        if found := _CONTAINER.findall(Path(f"/proc/{pid}/cgroup").read_text()):
            return str(found[-1])
    return ""


def _line(pid: str) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
    return ""
