"""Files: what lies in the lab's folder, in the temporary one, and the records that are open."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_IFMT, S_ISDIR, S_ISSOCK

from benchmarks.kit.world.where import Facts, Where

_COUNTED = re.compile(r"[0-9A-F]{8,}|\d+")  # WAL segments, tables' files, what counts up
_PYTEST = "pytest-of-"


def files(where: Where) -> Facts:
    """Map each path to its kind, rights and owner; numbers in names are written as #, for servers count on."""
    found = {f"temporary {name}": "there" for name in _temporary(where)}
    found |= {f"open record {path.name}": "there" for path in (where.state / "open").glob("*")}
    for path in _below(where.lab) if where.lab else ():
        if told := _told(path):
            found[f"lab {_named(path.relative_to(where.lab or path))}"] = told
    return found


def _named(path: Path) -> str:
    node, *below = path.parts
    return "/".join((node, *(_COUNTED.sub("#", part) for part in below)))


def _temporary(where: Where) -> Iterator[str]:
    """List what lies in the temporary folder, and the labs; pytest's own folders are pytest's."""
    with os.scandir(where.tmp) as entries:
        yield from (entry.name for entry in entries if entry.name not in (where.labs.name, where.state.name)
                    and not entry.name.startswith(_PYTEST))  # fmt: skip
    if where.lab is None:
        yield from (f"lab {path.name}" for path in where.labs.glob("*"))


def _below(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        for name in (*folders, *names):
            yield Path(top, name)


def _told(path: Path) -> str:
    try:
        found = path.lstat()
    except OSError:
        return ""
    kind = "folder" if S_ISDIR(found.st_mode) else "socket" if S_ISSOCK(found.st_mode) else "file"
    return f"{kind} {found.st_mode & ~S_IFMT(found.st_mode) & 0o7777:o} of user {found.st_uid}"
