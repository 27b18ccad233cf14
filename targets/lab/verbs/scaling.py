"""How many nodes of a component there are: spare ones are started and ended, and the front door told."""

import asyncio
from typing import TYPE_CHECKING

from targets.lab.layout import FRONT
from targets.lab.serving import socket_path
from targets.lab.verbs import nodes
from targets.target import BadInput

if TYPE_CHECKING:
    from targets.lab.nodes import NodeProcess
    from targets.lab.supervisor import Supervisor


async def members(lab: "Supervisor", component: str) -> list[str]:
    """Name the nodes that the component is to have."""
    return [each.part.name for each in _all(lab, component) if each.wanted]


async def scale(lab: "Supervisor", component: str, count: int, within: float) -> None:
    """Have the first `count` nodes of the component; what is new is given callers when it serves."""
    every = _all(lab, component)
    if component != FRONT or not 1 <= count <= len(every):
        can = f"1 to {len(every)}" if component == FRONT else f"always {len(every)}"
        raise BadInput(f"{component} cannot have {count} nodes on this lab; it has {can}")
    await asyncio.gather(*(_add(lab, node, within) for node in every[:count] if not node.wanted))
    await asyncio.gather(*(_remove(lab, node) for node in every[count:] if node.wanted))


async def _add(lab: "Supervisor", node: "NodeProcess", within: float) -> None:
    node.follow(lab.nodes[_all(lab, FRONT)[0].part.name])
    await nodes.start(lab, node.part.name, within)
    lab.links.doors[FRONT].backends[node.part.name] = socket_path(node.part.name)


async def _remove(lab: "Supervisor", node: "NodeProcess") -> None:
    lab.links.doors[FRONT].backends.pop(node.part.name, None)
    await node.retire()


def _all(lab: "Supervisor", component: str) -> list["NodeProcess"]:
    return [node for node in lab.nodes.values() if node.part.component == component]
