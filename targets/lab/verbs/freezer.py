"""Freezing nodes and letting them go on."""

from typing import TYPE_CHECKING

from targets.lab import processes

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor


async def pause(lab: "Supervisor", node: str, incarnation: str) -> None:
    """Freeze that very instance."""
    await lab.node(node).pause(incarnation)


async def resume(lab: "Supervisor", node: str) -> None:
    """Let the node go on."""
    lab.node(node).resume()


async def paused(lab: "Supervisor") -> list[str]:
    """Name the frozen nodes."""
    found = processes.members(lab.folder)
    return sorted({node for pid, node in found.items() if node in lab.nodes and processes.is_stopped(pid)})
