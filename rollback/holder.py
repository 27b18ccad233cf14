"""Who has a target that machines share: a name that tells every other process, and tells us our own dead."""

import getpass
import re
import socket
from pathlib import Path

from rollback.records import Owner, boot_id

_WRITTEN = re.compile(r".* pid (?P<pid>\d+)/(?P<started>\d+) boot (?P<boot>\S+)/(?P<space>\d+)")


def written(owner: Owner) -> str:
    """Name a process of this machine: user, host, pid, start, boot, and the namespace of its pid."""
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    return f"{who} pid {owner.pid}/{owner.started} boot {owner.boot}/{_pids()}"


def is_dead(holder: str) -> bool:
    """Tell whether it was a process that can be looked for here, and is not there any more."""
    found = _WRITTEN.fullmatch(holder)
    if found is None or found["boot"] != boot_id() or int(found["space"]) != _pids():
        return False
    return not Owner(pid=int(found["pid"]), started=int(found["started"]), boot=found["boot"]).alive()


def _pids() -> int:
    """Identify the namespace of process ids; 0 where the kernel has none."""
    space = Path("/proc/self/ns/pid")
    return space.stat().st_ino if space.exists() else 0
