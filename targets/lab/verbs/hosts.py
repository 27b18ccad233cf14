"""Nodes that are hosts of their own, seen from the front."""

import asyncio
import os
from typing import TYPE_CHECKING

from targets.lab import volumes
from targets.lab.host import HOME
from targets.lab.serving import serves
from targets.target import BadInput

if TYPE_CHECKING:
    from targets.lab.front import Front

_POLL_S = 0.01


async def await_serving(front: "Front", node: str, within: float) -> bool:
    """Wait until a node's server answers, past its door; False when it does not in time."""
    where = front.server(front.node(node))
    try:
        async with asyncio.timeout(within):
            while where and not await serves(node.rpartition("-")[0], where):  # noqa: ASYNC110  it is elsewhere
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    return True


async def wanted(front: "Front", door: str) -> list[str]:
    """Name the nodes to which a door is to lead; some of them may still be starting, or ending."""
    return front.wanted[door]


async def want(front: "Front", door: str, nodes: list[str]) -> None:
    """Say to which nodes a door is to lead."""
    front.wanted[door] = [front.node(name) for name in nodes]


async def add_backend(front: "Front", door: str, node: str) -> None:
    """Let a door lead to a node as well."""
    front.links.doors[door].backends[node] = front.server(front.node(node))


async def remove_backend(front: "Front", door: str, node: str) -> None:
    """Let a door lead to a node no longer."""
    front.links.doors[door].backends.pop(node, None)


async def room(front: "Front", node: str) -> int:
    """Say how many bytes are free on the volume to which a node writes its WAL. BadInput when it has none."""
    folder = HOME / front.node(node) / volumes.NAME
    if not folder.is_dir():
        raise BadInput(f"{node} has no volume of its own")
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


async def sources(front: "Front", id: str) -> list[str]:  # noqa: A002  the field's name on the wire
    """Name the sources of a rule in force."""
    return list(front.links.sources(id))
