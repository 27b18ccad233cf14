"""What the nodes keep on disk: losing it."""

import sys
from typing import TYPE_CHECKING
from uuid import uuid4

from targets.lab import volumes
from targets.lab.processes import remove_segments
from targets.target import TargetError

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

_KEPT = {"node.json", "log", "loads.log", volumes.NAME}  # the lab's, not the node's; the volume is emptied instead
_REMOVE = "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)"  # on a busy disk it takes seconds


async def lose(lab: "Supervisor", node: str, incarnation: str) -> None:
    """Kill that very instance and take the node's data away."""
    found = lab.node(node)
    await found.kill(incarnation)
    if found.incarnation is not None:  # no turn of the loop from here on: nobody can start it in between
        raise TargetError(f"{node} was started again at once: its data was left alone")
    remove_segments(found.folder / "data")
    gone = found.folder / f"lost-{uuid4().hex[:8]}"
    gone.mkdir(mode=0o700)
    for each in found.folder.iterdir():
        if each.name not in _KEPT and not each.name.startswith("lost-"):
            each.rename(gone / each.name)
    volumes.clear(found.folder)
    found.lost = True
    found.run_beside([sys.executable, "-I", "-S", "-c", _REMOVE, str(gone)])


async def lost(lab: "Supervisor") -> list[str]:
    """Name the nodes that lost their data and were not started since."""
    return [name for name, node in lab.nodes.items() if node.lost]
