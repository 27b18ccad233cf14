"""Takes all the room on the node's volume: `python -I -S space.py SECONDS [volume=FOLDER]`.

What it holds is a file without a name, like a log that was deleted and is still written to: `ls` shows nothing, `df`
does, and the kernel takes it back when the program ends, however it ends.  It takes what becomes free as well.
It touches nothing but a file system that the lab has mounted for this one node.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

VOLUME = Path("wal")
SOURCE = "drillyard"
AGAIN_S = 0.01


def is_the_labs_own(volume: Path) -> bool:
    """Say whether the kernel lists the folder's device as a file system of the lab's; a shared disk is none."""
    device = volume.stat().st_dev
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    kinds = {words[2]: words[words.index("-") + 1 :][:2] for words in lines}
    return kinds.get(f"{os.major(device)}:{os.minor(device)}") == ["tmpfs", SOURCE]


def grow(file: int, size: int) -> int:
    """Take what is free now; gives the file's new size."""
    found = os.fstatvfs(file)
    wanted = found.f_bavail * found.f_frsize
    while wanted >= found.f_frsize:
        with suppress(OSError):  # somebody else was quicker with a part of it
            os.posix_fallocate(file, size, wanted)
            return size + wanted
        wanted //= 2
    return size


def fill(volume: Path, seconds: float) -> None:
    """Keep the volume full until the time is over."""
    if not is_the_labs_own(volume):
        sys.exit(f"space: {volume.resolve()} is no volume of the lab's own; nothing was filled")
    ends, size = time.monotonic() + seconds, 0
    file = os.open(volume, os.O_TMPFILE | os.O_RDWR, 0o600)
    while time.monotonic() < ends:
        size = grow(file, size)
        time.sleep(AGAIN_S)


if __name__ == "__main__":
    named = [Path(word.removeprefix("volume=")) for word in sys.argv[2:] if word.startswith("volume=")]
    fill(named[0] if named else VOLUME, float(sys.argv[1]))
