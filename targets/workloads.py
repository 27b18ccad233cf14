"""What targets whose nodes are pods of workloads are able to do besides: asked for with isinstance, as in abilities."""

from collections.abc import Collection
from typing import Protocol, runtime_checkable

from targets.clustered import Hosted


@runtime_checkable
class Remediable(Hosted, Protocol):
    """Its workloads can be helped as operators do it by hand."""

    def restart(self, component: str) -> None:
        """Have all its nodes replaced in order, and wait until the new ones serve."""

    def unheard(self) -> frozenset[str]:
        """Name the hosts that nobody has heard of for longer than is usual."""

    def forsake(self, component: str, hosts: Collection[str]) -> tuple[str, ...]:
        """Give up a component's nodes on dead hosts, so that they are replaced elsewhere; names them."""

    def has_all(self, component: str) -> bool:
        """Tell whether as many of its nodes serve, on living hosts, as there are to be."""

    def blocking(self, component: str) -> tuple[str, ...]:
        """Name the cuts of drills that concern it."""

    def unblock(self, component: str, names: Collection[str]) -> None:
        """End these cuts where they are enforced."""


@runtime_checkable
class Neighboured(Protocol):
    """Not everything that can be set to work beside nodes can be beside its own, and nothing without permission."""

    def loadable(self, nodes: Collection[str], kind: str) -> bool:
        """Raise Unable when no programs of a kind may be set to work there.

        Tells whether they would work within the nodes' own limits.
        """


@runtime_checkable
class Contained(Protocol):
    """Its nodes' processes are in containers, which can die without the nodes."""

    def end_container(self, node: str, incarnation: str) -> None:
        """Kill that very instance's container, and nothing else of the node. VictimGone when it does not run."""


@runtime_checkable
class Claiming(Protocol):
    """Not each of its nodes has data of its own that can be lost."""

    def losable(self, nodes: Collection[str]) -> None:
        """Raise Unable for those that have none, and without permission."""
