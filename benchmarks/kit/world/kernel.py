"""What the kernel keeps for us: cgroups, mounts, shared memory; and this process's own environment."""

import hashlib
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmarks.kit.world.people import Person, named, pids
from benchmarks.kit.world.where import Facts, Where, within

CGROUPS = Path("/sys/fs/cgroup")
SHARED = Path("/dev/shm")  # noqa: S108  nothing is written there
_HOUSE = "drillyard"
_MAPPED = re.compile(rf"{SHARED}/(\S+)")
_KINDS = {"shm": "shmid", "sem": "semid", "msg": "msqid"}


def cgroups(where: Where, people: Sequence[Person]) -> Facts:
    """Tell in which control groups ours are, where that is not this process's, and those that carry our name."""
    own = _groups(os.getpid())
    moved = {f"of {one.owner or named(one)}": _groups(one.pid) for one in people}
    known = {_HOUSE, where.lab.name} if where.lab else {_HOUSE}
    patterns = ("*", "*/*", "*/*/*")
    ours = [path for each in patterns for path in CGROUPS.glob(each) if any(name in path.name for name in known)]
    return {who: groups for who, groups in moved.items() if groups not in ("", own)} | {
        f"group {path.relative_to(CGROUPS)}": "there" for path in ours
    }


def mounts(where: Where, people: Sequence[Person]) -> Facts:
    """Tell what is mounted in our folders, or mentions them, in any mount namespace that ours stand in."""
    tables = {_read(f"/proc/{pid}/mountinfo") for pid in (os.getpid(), *(one.pid for one in people))}
    folders = [each for each in (where.lab or where.labs, where.state) if each]
    found = {}
    for line in (line for table in tables for line in table.splitlines()):
        words = line.split()
        kind = " ".join(words[words.index("-") + 1 :])
        if any(within(words[4], folder) for folder in folders) or _HOUSE in kind or kind.startswith("nsfs"):
            found[words[4]] = kind
    return found


def ipc(people: Sequence[Person]) -> Facts:
    """Tell the memory, semaphores and queues that outlive their makers: those that ours made, or nobody alive."""
    owners = {one.pid: one.owner or named(one) for one in people}
    found = {f"POSIX {name}": "there" for name in {path.name for path in SHARED.glob("*")} - _of_others(set(owners))}
    for kind, number in _KINDS.items():
        for row in _rows(kind):
            maker = int(row.get("cpid", row.get("lspid", "0")))
            if maker in owners:
                found[f"{kind} of {owners[maker]}"] = "there"
            elif not Path(f"/proc/{maker}").exists() or maker == 0:
                found[f"{kind} {row[number]} with key {row['key']}, whose maker is dead or not told"] = "there"
    return found


def environment() -> Facts:
    """Tell this process's environment and working directory; values as digests, for some are secrets."""
    digests = {name: hashlib.sha256(value.encode()).hexdigest()[:12] for name, value in os.environ.items()}
    return {**digests, "working directory": str(Path.cwd()), "umask": _umask()}


def _of_others(ours: Collection[int]) -> set[str]:
    """Name the shared memory that processes which are not ours have mapped: it goes with them."""
    others = (pid for pid in pids() if pid not in ours)
    return {name for pid in others for name in _MAPPED.findall(_read(f"/proc/{pid}/maps"))}


def _umask() -> str:
    words = (line.partition(":") for line in Path("/proc/self/status").read_text().splitlines())
    return next(value.strip() for name, _, value in words if name == "Umask")


def _groups(pid: int) -> str:
    return ", ".join(sorted(_read(f"/proc/{pid}/cgroup").split()))


def _read(path: str) -> str:
    """Read a file of /proc, "" when the process is gone or nobody's business."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _rows(kind: str) -> list[dict[str, str]]:
    head, *rows = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()
    return [dict(zip(head.split(), row.split(), strict=False)) for row in rows]
