"""Files: what lies in the lab's folder, in the temporary one, and the records that are open."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISSOCK

from benchmarks.kit.world.where import Facts, Where

_COUNTED = re.compile(r"[0-9A-F]{8,}|\d+")  # WAL segments, tables' files, what counts up
_PYTEST = "pytest-of-"


def files(where: Where) -> Facts:
    """Map each path to its kind, rights and owner; numbers in names are written as #, for servers count on."""
    found = {f"temporary {name}": "there" for name in _temporary(where)}
    found |= {f"open record {path.name}": "there" for path in (where.state / "open").glob("*")}
    if where.lab:
        found |= {f"lab {name}": told for name, told in _below(where.lab)}
    return found


def _temporary(where: Where) -> Iterator[str]:
    """List what lies in the temporary folder, and the labs; pytest's own folders are pytest's."""
    with os.scandir(where.tmp) as entries:
        yield from (entry.name for entry in entries if entry.name not in (where.labs.name, where.state.name)
                    and not entry.name.startswith(_PYTEST))  # fmt: skip
    if where.lab is None:
        yield from (f"lab {path.name}" for path in where.labs.glob("*"))


def _below(folder: Path) -> Iterator[tuple[str, str]]:
    """List everything below a folder; the names of the nodes' own folders keep their numbers."""
    for top, folders, names in os.walk(folder):
        node, _, below = top[len(f"{folder}/") :].partition("/")
        place = "".join(f"{part}/" for part in (node, _COUNTED.sub("#", below)) if part)
        for name in (*folders, *names):
            if told := _told(f"{top}/{name}"):
                yield f"{place}{_COUNTED.sub('#', name) if node else name}", told


def _told(path: str) -> str:
    try:
        found = os.lstat(path)
    except OSError:
        return ""
    kind = "folder" if S_ISDIR(found.st_mode) else "socket" if S_ISSOCK(found.st_mode) else "file"
    return f"{kind} {S_IMODE(found.st_mode):o} of user {found.st_uid}"
