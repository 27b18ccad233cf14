"""The nodes' clocks."""

from typing import TYPE_CHECKING

from targets.lab.nodes import NodeProcess
from targets.lab.roles import clock
from targets.lab.verbs.nodes import start
from targets.target import BadInput

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

_GRACE_S = 10.0


async def skew(lab: "Supervisor", node: str, seconds: float, within: float) -> None:
    """Restart a node in order, its clock so many seconds off; 0 is the true clock. Nothing to do when it is so."""
    found = lab.node(node)
    if found.part.component != "postgres":
        raise BadInput(f"{node}: only the clocks of PostgreSQL servers can be skewed")
    if _offset(found) == seconds and found.incarnation:
        return
    found.environment.pop(clock.OFFSET, None)
    if seconds:
        found.environment[clock.OFFSET] = f"{seconds:+g}"
    if instance := found.incarnation:
        await found.kill(instance, _GRACE_S)
    await start(lab, node, within)


async def skewed(lab: "Supervisor") -> dict[str, float]:
    """Say how far the clock of each skewed node is off, in seconds."""
    return {name: offset for name, node in lab.nodes.items() if (offset := _offset(node))}


async def lacks(lab: "Supervisor") -> str:
    """Say what is missing for it, "" when nothing is."""
    return clock.lacks() if lab.nodes else ""


def _offset(node: NodeProcess) -> float:
    return float(node.environment.get(clock.OFFSET, 0))
