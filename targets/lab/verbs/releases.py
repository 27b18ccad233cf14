"""The releases of the lab's own programs."""

from typing import TYPE_CHECKING

from targets.lab.layout import RELEASES
from targets.target import BadInput

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor


async def given(lab: "Supervisor", node: str) -> list[str]:
    """List the releases a node was given; the last is in force."""
    return lab.node(node).releases


async def deploy(lab: "Supervisor", node: str, release: str) -> None:
    """Replace what runs by that release."""
    found = lab.node(node)
    known = RELEASES.get(found.part.component, ())
    if release not in known:
        raise BadInput(f"{node} has no release {release!r}; it has {', '.join(known) or 'only the one it runs'}")
    await found.replace(release)
