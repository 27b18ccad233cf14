"""The pods of a target's components, as nodes."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from targets.clustered import PERMIT_IT, PERMIT_THAT
from targets.pods import kinds, rights, workloads
from targets.pods.cluster import Cluster
from targets.pods.workloads import Pod, Selection
from targets.target import BadInput, Node, Unable, VictimGone


class Nodes:
    """Finds the nodes of the components that `selections` tell how to find."""

    _ends_at: datetime | None = None

    def __init__(self, cluster: Cluster, address: str, selections: Mapping[str, Selection]) -> None:
        self.cluster = cluster
        self.address = address
        self._selections = selections

    @property
    def components(self) -> tuple[str, ...]:
        """Name the components."""
        return tuple(self._selections)

    def expire(self, at: datetime) -> None:
        """Have all that is done from now on say that it is over then."""
        self._ends_at = at

    @property
    def expires_at(self) -> datetime | None:
        """Say when what is done now has to be over; None once that is past: what a later drill prepares must stay."""
        return self._ends_at if self._ends_at and self._ends_at > datetime.now(UTC) else None

    def namespaces(self, components: Collection[str]) -> frozenset[str]:
        """Name those in which these components are."""
        return frozenset(where.namespace for name, where in self._selections.items() if name in components)

    def permitted(self, namespaces: Collection[str], doing: str) -> None:
        """Raise Unable, with the cure, when something that is needed for `doing` is not permitted there."""
        if lacks := rights.lacking(self.cluster, namespaces, doing):
            cure = PERMIT_IT if doing in rights.USUAL else PERMIT_THAT.format(doing)
            raise Unable(f"context {self.cluster.context} does not permit it: {', '.join(lacks)}; {cure}")

    def forbidden(self, components: Collection[str]) -> str:
        """Say what drills need to be permitted there and are not, with the cure; "" when all is."""
        there = self.namespaces(components)
        needed = (rights.LOOK, rights.KILL, rights.LEASE)
        lacks = tuple(lack for doing in needed for lack in rights.lacking(self.cluster, there, doing))
        cure = PERMIT_IT
        if not lacks and self.rolled_out(components):
            lacks, cure = rights.lacking(self.cluster, there, rights.ROLLOUT), PERMIT_THAT.format(rights.ROLLOUT)
        return f"does not permit it: {', '.join(lacks)}; {cure}" if lacks else ""

    def rolled_out(self, components: Collection[str]) -> bool:
        """Tell whether one of these components has pods of a Rollout."""
        return any(pod.owner.startswith(f"{kinds.ROLLOUT}/") for each in components for pod in self.pods(each))

    def known(self, component: str) -> None:
        """Raise BadInput for a component that there is not."""
        if component not in self._selections:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(self.components)}")

    def pods(self, component: str) -> tuple[Pod, ...]:
        """List a component's pods, running or not."""
        self.known(component)
        return workloads.of(self.cluster, {component: self._selections[component]})[component]

    def everywhere(self) -> dict[str, tuple[Pod, ...]]:
        """List the pods of all components."""
        return workloads.of(self.cluster, self._selections)

    def find(self, node: str) -> Pod | None:
        """Find a node's pod, None when it is gone."""
        return next((pod for pods in self.everywhere().values() for pod in pods if self.named(pod) == node), None)

    def named(self, pod: Pod) -> str:
        """Name the node that a pod is."""
        return pod.name

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a component, all or of one role: what its role label says."""
        found = [
            Node(name=self.named(pod), component=component, role=pod.role, zone=pod.zone, inside=pod.address)
            for pod in workloads.members(self.pods(component))
        ]
        return tuple(node for node in found if role is None or node.role == role)

    def _there(self, node: str) -> Pod:
        found = self.find(node)
        if found is None:
            raise VictimGone(f"{self.address}: there is no pod {node} any more")
        return found

    def _has_all(self, component: str, *, at_first: bool = False) -> bool:
        """Tell whether a component has as many ready pods as its workloads are to have now, or were at first."""
        wanted = sum(workloads.owners(self.cluster, self._selections[component], at_first=at_first).values())
        return sum(pod.ready for pod in self.pods(component)) >= wanted

    def _family(self, node: str) -> str:
        """Say of which component a node is, or was: a pod's name begins with its workload's. BadInput: of none.

        A component's own name stands for all of its nodes.
        """
        if node in self._selections:
            return node
        for component, pods in self.everywhere().items():
            if any(self.named(pod) == node for pod in pods):
                return component
        for component, where in self._selections.items():
            names = [each.partition("/")[2] for each in workloads.owners(self.cluster, where)]
            if any(node.startswith(f"{name}-") for name in names):
                return component
        raise BadInput(f"{self.address} has no node {node!r}")

    def _namespaces(self) -> list[str]:
        return sorted({where.namespace for where in self._selections.values()})
