"""What makes a thing ours: its lab's folder, the harness's state and its temporary files."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from targets import places

Facts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Where:
    """The folders that are looked at; absolute, without symbolic links."""

    lab: Path | None  # None: every lab in `labs`
    labs: Path
    state: Path
    tmp: Path


def place(lab: Path | None, *, state: Path | None = None, tmp: Path | None = None) -> Where:
    """Say where to look; what is not given is this process's own."""
    temporary = (tmp or Path(tempfile.gettempdir())).resolve()
    labs = temporary / f"drillyard-{os.getuid()}"
    return Where(
        lab=lab.resolve() if lab else None,
        labs=lab.resolve().parent if lab else labs,
        state=(state or places.state_dir()).resolve(),
        tmp=temporary,
    )


@contextmanager
def short(folder: Path) -> Iterator[str]:
    """Give a short name of a folder: the path of a Unix socket may have 107 bytes only."""
    handle = os.open(folder, os.O_PATH)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def within(path: str, folder: Path) -> bool:
    """Say whether a path is that folder or lies in it."""
    return f"{path}/".startswith(f"{folder}/")
