"""A state folder that can be filled, a memory that can be used up: where this machine permits it."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from targets.places import ROOT

SIZE_KB = 256
LIMIT_MB = 400
GROUPS = Path("/sys/fs/cgroup")
KEEP = 'mount -t tmpfs -o size="$1"k drillyard-kill "$2" && echo ready && read -r _'


class Untried(Exception):
    """This machine does not permit it; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Confined:
    """How a harness is confined: what stands before its command, and where its state is seen from outside."""

    prefix: tuple[str, ...]
    state: Path
    group: Path | None = None  # of a limited memory

    def taken(self) -> int:
        """Count the processes that the kernel has killed for want of memory."""
        names = [self.group / name for name in ("memory.oom_control", "memory.events")] if self.group else []
        said = "".join(name.read_text() for name in names if name.exists())
        return int((re.findall(r"^oom_kill (\d+)", said, re.MULTILINE) or ["0"])[0])

    def fill(self) -> None:
        """Fill the disk of the state, to the last byte."""
        with (self.state / "ballast").open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 512)

    def free(self) -> None:
        """Give the room back."""
        (self.state / "ballast").unlink(missing_ok=True)


@contextmanager
def at_large(state: Path) -> Iterator[Confined]:
    """Confine nothing."""
    yield Confined(prefix=(), state=state)


@contextmanager
def small_disk(state: Path) -> Iterator[Confined]:
    """Put the state onto a small disk of its own, in a mount namespace. Untried where that is not permitted."""
    unshare, enter = shutil.which("unshare"), shutil.which("nsenter")
    if not unshare or not enter:
        raise Untried("no disk of its own for the state: util-linux' unshare and nsenter are not on PATH")
    keeper = subprocess.Popen(
        [unshare, "--mount", "--propagation", "private", "sh", "-c", KEEP, "sh", str(SIZE_KB), str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert keeper.stdout
        assert keeper.stderr
        if keeper.stdout.readline() != "ready\n":
            raise Untried(f"no disk of its own for the state: {keeper.stderr.read().strip()}")
        prefix = (enter, f"--mount=/proc/{keeper.pid}/ns/mnt", f"--wd={ROOT}")
        yield Confined(prefix=prefix, state=Path(f"/proc/{keeper.pid}/root{state}"))
    finally:
        keeper.kill()
        keeper.communicate()


@contextmanager
def small_memory(state: Path) -> Iterator[Confined]:
    """Let the harness, and whoever it starts, have little memory. Untried where that is not permitted."""
    old, new = GROUPS / "memory", GROUPS
    parent, limit = (old, "memory.limit_in_bytes") if old.is_dir() else (new, "memory.max")
    group = parent / f"killed-{os.getpid()}"  # not under our name: two lanes would take it for each other's residue
    try:
        group.mkdir(exist_ok=True)
        (group / limit).write_text(str(LIMIT_MB << 20))
        with contextlib.suppress(OSError):  # else it would be put out, and not be killed
            (group / ("memory.memsw.limit_in_bytes" if old.is_dir() else "memory.swap.max")).write_text(
                str(LIMIT_MB << 20) if old.is_dir() else "0"
            )
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        raise Untried(f"no limit of memory: {group}: {error.strerror}") from error
    try:
        yield Confined(
            prefix=("sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"), state=state, group=group
        )
    finally:
        with suppress(OSError):
            group.rmdir()
