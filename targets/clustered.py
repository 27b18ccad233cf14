"""What targets on a cluster are able to do besides, which others share: asked for with isinstance, as in abilities."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, runtime_checkable

from targets.target import TargetError

PERMIT_IT = "`python -m targets rbac --system FILE` writes what has to be permitted"
PERMIT_THAT = "`python -m targets rbac --system FILE --for {}` writes what has to be permitted"


@runtime_checkable
class Spread(Protocol):
    """Its components are in namespaces of a cluster that others share."""

    def namespaces(self, components: Collection[str]) -> frozenset[str]:
        """Name those in which these components are."""

    def forbidden(self, components: Collection[str]) -> str:
        """Say what drills need to be permitted there and are not, with the cure; "" when all is."""


@runtime_checkable
class Observed(Protocol):
    """Its callers can be played from beside its nodes, where no door of the cluster's lies between them."""

    def endpoint_inside(self, component: str) -> str:
        """Give the URL at which a component is reached there. BadInput when nobody has said."""

    def observer(self) -> AbstractContextManager[Sequence[str]]:
        """Have a place for a client there: gives the command that runs one, to be spoken to as to probes.client."""


@runtime_checkable
class Expiring(Protocol):
    """What is done to it says on itself when it has to be over, for whoever looks after it there."""

    def expire(self, at: datetime) -> None:
        """Have all that is done from now on say so."""


class Taken(TargetError):
    """Somebody else, on whatever machine, is drilling there: `holder`, as he called himself."""

    def __init__(self, holder: str, said: str) -> None:
        super().__init__(said)
        self.holder = holder


@runtime_checkable
class Leased(Protocol):
    """It is shared with drills of other machines: one at a time has it, and says so there."""

    def lease(self, holder: str, drill: str, seconds: float) -> None:
        """Have the target alone for so long, or longer when one has it already. Taken names who has it."""

    def give_back(self, holder: str) -> None:
        """Let others have it before that; nothing to do when it is another's."""


@runtime_checkable
class Hosted(Protocol):
    """Its nodes run on hosts, which can be closed and emptied in order: the nodes run elsewhere then, or wait."""

    def hosts(self) -> Mapping[str, str]:
        """Map each node that is placed to its host."""

    def drainable(self, hosts: Collection[str]) -> None:
        """Raise Unable for hosts that are not ours to close: the cluster's own, those somebody else has closed."""

    def drain(self, host: str, nodes: Collection[str]) -> None:
        """Close a host to all that is new, and have those of the nodes that are there leave it, as their budgets allow.

        TargetError names those that do not go; again is the same as once.
        """

    def reopen(self, host: str) -> None:
        """Open a host that we closed; nothing to do for others."""

    def closed(self) -> frozenset[str]:
        """Name the hosts that we closed."""


@runtime_checkable
class Naming(Protocol):
    """Its nodes look one another up by name, and can be kept from it: by address they go on reaching everybody."""

    def nameable(self, nodes: Collection[str]) -> None:
        """Raise Unable when it may not be; finds out beforehand what takes long to find out."""

    def take_names(self, rule_id: str, nodes: Collection[str]) -> None:
        """Let these nodes look up nobody from now on; again is the same as once."""

    def give_names(self, rule_id: str) -> None:
        """Let them look up whomever they want again; nothing to do when they may."""

    def nameless(self) -> frozenset[str]:
        """List the ids under which names were taken and not given back."""

    def confined(self, nodes: Collection[str]) -> bool:
        """Tell whether somebody enforces such a thing where these nodes are, once that is clear."""


@runtime_checkable
class Limited(Protocol):
    """Its components share a quota, which can be used up: what runs goes on, and nothing new can start."""

    def exhaustible(self, components: Collection[str]) -> tuple[str, ...]:
        """Name the namespaces of these components. Unable when their quotas may not be touched."""

    def use_up(self, quota: str, namespaces: Collection[str]) -> None:
        """Have nothing new start there, and wait until that holds; again is the same as once."""

    def free(self, quota: str, namespaces: Collection[str]) -> None:
        """Allow what there was before, and have whoever waits try at once; again is the same as once."""

    def used_up(self) -> frozenset[str]:
        """List the ids under which quotas are used up."""


@runtime_checkable
class Housed(Protocol):
    """Its components live in namespaces, each of which can go with all that is in it, and be made again."""

    def estates(self, components: Collection[str]) -> Mapping[str, str]:
        """Map the namespaces of these components to what identifies them. Unable when they may not be deleted."""

    def tenants(self, namespaces: Collection[str]) -> tuple[str, ...]:
        """Name the nodes that are in these namespaces, of whatever component."""

    def standing(self, namespace: str) -> str | None:
        """Identify a namespace as it is now, None when there is none."""

    def erase(self, namespace: str) -> None:
        """Delete it with all that is in it, once it is kept how to make it again; again is the same as once."""

    def rebuild(self, namespace: str) -> None:
        """Make what is not there of it, and wait until it serves; nothing to do for one that was not deleted."""

    def erased(self) -> frozenset[str]:
        """Name the namespaces that we deleted, or were about to, and have not made again."""

    def back_up(self, namespace: str, seconds: float) -> str:
        """Have the cluster's own backups keep it, for so long. Gives the backup's name. Unable without any."""

    def restore(self, namespace: str) -> str:
        """Have it restored from the newest of these, and wait until it serves. Gives that one's name."""

    def backs_up(self) -> None:
        """Raise Unable when nobody makes backups there."""


@runtime_checkable
class Secretive(Protocol):
    """Its nodes are given Secrets when they start."""

    def rotatable(self, component: str, secret: str, keys: Collection[str]) -> str:
        """Name where the component's Secret of that name is. BadInput: no such one, or key; Unable: it may not be."""

    def rotate(self, namespace: str, secret: str, keys: Collection[str]) -> None:
        """Give these keys other values, all without any named, once the old ones are kept; again is as once."""

    def rotate_back(self, namespace: str, secret: str) -> None:
        """Give them their old ones; nothing to do when they have them."""

    def rotated(self) -> frozenset[str]:
        """Name the Secrets that have values of ours: "NAMESPACE/NAME"."""


@runtime_checkable
class Headed(Protocol):
    """Somebody places, replaces and counts its nodes, and can be taken away."""

    def beheadable(self) -> tuple[str, ...]:
        """Name the namespaces of others that suffer by that."""

    def behead(self) -> None:
        """Take the control plane away, and wait until nothing of it runs; again is the same as once."""

    def bring_head_back(self) -> None:
        """Bring it back, and wait until it has heard of every host; nothing to do when it is there."""

    def headless(self) -> bool:
        """Tell whether we took it away."""


@runtime_checkable
class Powered(Protocol):
    """The power of its hosts can be cut: all that runs there dies at once, and nobody is told."""

    def hosts(self) -> Mapping[str, str]:
        """Map each node that is placed to its host."""

    def switchable(self, hosts: Collection[str]) -> None:
        """Raise Unable for hosts whose power is not ours to cut."""

    def switch_off(self, host: str) -> None:
        """Cut a host's power; again is the same as once. Unable as `switchable` has it."""

    def switch_on(self, host: str) -> None:
        """Start a host that is off, and wait until what is placed there runs anew; nothing to do for one that is on."""

    def off(self) -> frozenset[str]:
        """Name the hosts that are off."""
