"""The nodes: what runs, killing, starting; and the end of the lab."""

import asyncio
from typing import TYPE_CHECKING, Any

from targets.lab.nodes import NodeProcess
from targets.lab.serving import serves
from targets.target import TargetError

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

_POLL_S = 0.01


async def status(lab: "Supervisor") -> dict[str, Any]:
    """Say how each node is: its incarnation, how often it was restarted, how its last process ended, and so on."""
    return {
        name: {
            "incarnation": node.incarnation,
            "restarts": node.restarts,
            "code": node.code,
            "wanted": node.wanted,
            "releases": node.releases,
        }
        for name, node in lab.nodes.items()
    }


async def log(lab: "Supervisor", node: str) -> str:
    """Give the end of a node's log."""
    return lab.node(node).last_words()


async def incarnation(lab: "Supervisor", node: str) -> str | None:
    """Identify the running instance."""
    return lab.node(node).incarnation


async def kill(lab: "Supervisor", node: str, incarnation: str, grace_s: float, for_good: bool) -> None:
    """Kill that very instance, after `grace_s` of asking it to end; not to be restarted when that is for good."""
    await lab.node(node).kill(incarnation, grace_s, for_good=for_good)


async def start(lab: "Supervisor", node: str, within: float) -> None:
    """Start the node and wait until it serves; nothing to do for a spare one that nobody wants."""
    found = lab.node(node)
    if not found.wanted:
        return
    found.forgive()
    await found.cleared()
    found.spawn()
    try:
        async with asyncio.timeout(within):
            await _until_serving(found)
    except TimeoutError:
        why = f"does not serve {within:.0f} s after its start; its log ends:\n{found.last_words()}"
        raise TargetError(f"{node} {why}") from None


async def down(lab: "Supervisor") -> None:
    """End the lab; the keeper clears up."""
    asyncio.get_running_loop().call_later(_POLL_S, lab.over.set)  # after the answer has left


async def _until_serving(node: NodeProcess) -> None:
    while not await serves(node.part.component, node.folder):
        if node.incarnation is None and not node.part.restarts:
            raise TargetError(f"{node.part.name} ended while starting; its log ends:\n{node.last_words()}")
        await asyncio.sleep(_POLL_S)
