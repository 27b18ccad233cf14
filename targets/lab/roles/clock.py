"""A server's clock that is off, by libfaketime: it answers a program's questions for the time in the kernel's place.

As it comes, libfaketime joins all processes of a server by a semaphore and a piece of memory in /dev/shm.  Both stay
there when a process is killed, and a process that is killed while it holds the semaphore stops all the others.  It
does without them where named semaphores are not to be had; so the node gets a copy in which the semaphore has a name
that no system accepts.  Standard library only.
"""

import os
import platform
from pathlib import Path

from targets.lab.roles.common import wheel_folder

OFFSET = "DRILLYARD_CLOCK"  # in a launcher's environment: seconds that its server's clock is to be off
COPY = Path("skewed-clock.so")  # no name that Python could take for a module's: the node's folder is on its path
_LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"
_NAMED, _NAMELESS = b"/faketime_sem_%ld", b"/faketime/sem_%ld"


def lacks() -> str:
    """Say what is missing to put clocks wrong, "" when nothing is."""
    if platform.machine() != "x86_64":
        return f"libfaketime's wheel is for x86_64, and this is {platform.machine()}"
    if not (found := _library()):
        return "no libfaketime found; install the wheel (`pip install libfaketime`)"
    return "" if found.read_bytes().count(_NAMED) == 1 else f"{found} is not the libfaketime that is known here"


def environment() -> dict[str, str]:
    """Give what a server has to find in its environment, {} for the true clock; ends this launcher if it cannot."""
    offset, found = os.environ.get(OFFSET), _library()
    COPY.unlink(missing_ok=True)  # nobody has it loaded any more: this is the node's only process
    if not offset:
        return {}
    if found is None or lacks():
        raise SystemExit(f"launcher: {lacks()}")
    COPY.write_bytes(found.read_bytes().replace(_NAMED, _NAMELESS))
    COPY.chmod(0o644)
    return {
        "LD_PRELOAD": str(COPY.absolute()),
        "FAKETIME": f"{offset}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # timers and waiting are true: it is the wall clock that is off
    }


def _library() -> Path | None:
    return next(map(Path, wheel_folder("libfaketime", _LIBRARY)), None)


if __name__ == "__main__":
    print(lacks())
