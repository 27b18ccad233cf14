"""What launchers share: their description, finding a server's programs, work to be done once the server runs."""

import glob
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Config:
    """A node's description, as read from NODE.json."""

    name: str
    socket: str
    doors: dict[str, str]
    archive: str
    urls: dict[str, str]
    port: int = 0  # besides its socket the server listens here, on all addresses of a host of its own; 0: nowhere

    def peers(self) -> dict[str, str]:
        """Give the doors of the other nodes of the same component."""
        family = self.name.rpartition("-")[0]
        return {n: door for n, door in self.doors.items() if n.rpartition("-")[0] == family and n != self.name}


def read_config() -> Config:
    """Read the NODE.json that the command line names."""
    known: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    return Config(**known)


def say(text: str) -> None:
    """Write a line into the node's log."""
    print(f"launcher: {text}", flush=True)


def wheel_folder(module: str, pattern: str) -> Iterable[str]:
    """List folders inside an installed package, found without importing it."""
    spec = importlib.util.find_spec(module)
    places = (spec and spec.submodule_search_locations) or []
    return [hit for place in places for hit in glob.glob(f"{place}/{pattern}")]  # noqa: PTH207


def find_program(name: str, folders: Iterable[str], cure: str) -> str:
    """Find a program in the folders, else on PATH; ends this launcher with one clear line when there is none."""
    found = shutil.which(name, path=os.pathsep.join(folders)) or shutil.which(name)
    if found is None:
        raise SystemExit(f"launcher: no {name} found; {cure}")
    return found


def afterwards(work: Callable[[], None]) -> None:
    """Do something beside the server that this process is about to become, as nobody's child."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if not os.fork():
            work()
    finally:
        os._exit(0)
