"""The loads beside the nodes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor


async def load(
    lab: "Supervisor", *, node: str, load_id: str, kind: str, workers: int, seconds: float, options: Mapping[str, str]
) -> None:
    """Set programs to work beside a node."""
    lab.node(node).load(load_id, kind=kind, workers=workers, seconds=seconds, options=options)


async def unload(lab: "Supervisor", load_id: str) -> None:
    """End the load of that id, wherever it is."""
    for node in lab.nodes.values():
        await node.unload(load_id)


async def loading(lab: "Supervisor", load_id: str) -> int:
    """Count the programs of that load."""
    return sum(node.loading(load_id) for node in lab.nodes.values())


async def loads(lab: "Supervisor") -> list[str]:
    """List the ids of the loads at work."""
    return sorted({load_id for node in lab.nodes.values() for load_id in node.loads()})
