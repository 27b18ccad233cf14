"""Freezing nodes and letting them go on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor


async def pause(lab: "Supervisor", node: str, incarnation: str) -> None:
    """Freeze that very instance."""
    lab.node(node).pause(incarnation)


async def resume(lab: "Supervisor", node: str) -> None:
    """Let the node go on."""
    lab.node(node).resume()


async def paused(lab: "Supervisor") -> list[str]:
    """Name the frozen nodes."""
    return [name for name, node in lab.nodes.items() if node.is_paused]
