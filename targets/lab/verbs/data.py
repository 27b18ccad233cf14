"""What the nodes keep on disk: losing it."""

import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from targets.lab.processes import remove_segment
from targets.target import TargetError

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

_KEPT = {"node.json", "log", "loads.log"}  # the description and the logs belong to the lab, not to the node


async def lose(lab: "Supervisor", node: str, incarnation: str) -> None:
    """Kill that very instance and remove the node's data."""
    found = lab.node(node)
    await found.kill(incarnation)
    if found.incarnation is not None:  # no turn of the loop from here on: nobody can start it in between
        raise TargetError(f"{node} was started again at once: its data was left alone")
    remove_segment(found.folder / "data" / "postmaster.pid")
    for each in found.folder.iterdir():
        if each.name not in _KEPT:
            _remove(each)
    found.lost = True


async def lost(lab: "Supervisor") -> list[str]:
    """Name the nodes that lost their data and were not started since."""
    return [name for name, node in lab.nodes.items() if node.lost]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError):
            path.unlink()
