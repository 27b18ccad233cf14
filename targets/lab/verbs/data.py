"""What the nodes keep on disk: losing it."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from targets.lab.processes import remove_segment
from targets.target import TargetError

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

_KEPT = {"node.json", "log", "loads.log"}  # the description and the logs belong to the lab, not to the node
_removing: set[asyncio.Task[None]] = set()


async def lose(lab: "Supervisor", node: str, incarnation: str) -> None:
    """Kill that very instance and take the node's data away."""
    found = lab.node(node)
    await found.kill(incarnation)
    if found.incarnation is not None:  # no turn of the loop from here on: nobody can start it in between
        raise TargetError(f"{node} was started again at once: its data was left alone")
    remove_segment(found.folder / "data" / "postmaster.pid")
    gone = found.folder / f"lost-{uuid4().hex[:8]}"
    gone.mkdir(mode=0o700)
    for each in found.folder.iterdir():
        if each.name not in _KEPT and not each.name.startswith("lost-"):
            each.rename(gone / each.name)
    found.lost = True
    task = asyncio.create_task(_remove(gone))
    _removing.add(task)
    task.add_done_callback(_removing.discard)


async def lost(lab: "Supervisor") -> list[str]:
    """Name the nodes that lost their data and were not started since."""
    return [name for name, node in lab.nodes.items() if node.lost]


async def _remove(folder: Path) -> None:
    """Remove a folder file by file: on a busy disk it takes a second, and the links must not stand still meanwhile."""
    for where, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _try(os.unlink, f"{where}/{name}")
            await asyncio.sleep(0)
        for name in folders:
            _try(os.rmdir, f"{where}/{name}")
    _try(os.rmdir, str(folder))


def _try(remove: Callable[[str], None], path: str) -> None:
    with suppress(OSError):  # the lab's own end may have been quicker
        remove(path)
