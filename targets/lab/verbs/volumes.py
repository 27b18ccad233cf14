"""The nodes' volumes; what fills one is a load beside its node."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor


async def room(lab: "Supervisor", node: str) -> int:
    """Say how many bytes are free on a node's volume."""
    return lab.volumes.room(lab.node(node).folder)


async def lacks(lab: "Supervisor") -> str:
    """Say why the nodes have no volumes of their own, "" when they have."""
    return lab.volumes.lacks
