"""Names taken from pods: whom they know by address they reach, whoever they have to look up they do not find."""

import time
from collections.abc import Collection

from targets.pods import canary, policies, rights
from targets.pods.hosts import Hosts
from targets.pods.workloads import Pod

TAKEN = "dns-"  # how the ids begin


class Names(Hosts):
    """The name service of the nodes."""

    def nameable(self, nodes: Collection[str]) -> None:
        """Raise Unable without the right to take names; finds out beforehand what takes long to find out."""
        there = {pod.namespace for pod in self._those(nodes)}
        self.permitted(there, rights.PARTITION)
        for namespace in there:
            canary.enforced_after(self.cluster, namespace)

    def take_names(self, rule_id: str, nodes: Collection[str]) -> None:
        """Let these nodes look up nobody from now on; again is the same as once."""
        policies.take_names(self.cluster, rule_id, self._those(nodes), self.expires_at)

    def give_names(self, rule_id: str) -> None:
        """Let them look up whomever they want again; nothing to do when they may."""
        every = [pod for pods in self.everywhere().values() for pod in pods]
        policies.uncut(self.cluster, self._namespaces(), rule_id, every)

    def nameless(self) -> frozenset[str]:
        """List the ids under which names were taken and not given back."""
        return frozenset(each for each in policies.cuts(self.cluster, self._namespaces()) if each.startswith(TAKEN))

    def confined(self, nodes: Collection[str]) -> bool:
        """Tell whether somebody enforces such a thing where these nodes are, once that is clear."""
        within = [canary.enforced_after(self.cluster, each) for each in {pod.namespace for pod in self._those(nodes)}]
        time.sleep(max((each for each in within if each), default=0))
        return None not in within

    def _those(self, nodes: Collection[str]) -> list[Pod]:
        return [pod for pods in self.everywhere().values() for pod in pods if self.named(pod) in nodes]
