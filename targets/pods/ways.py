"""The ways between the nodes: cut by a NetworkPolicy, slowed down by Chaos Mesh where that is installed."""

import time
from collections.abc import Collection

from targets.pods import canary, mesh, policies, rights
from targets.pods.remedies import Remedies
from targets.pods.workloads import Pod
from targets.rules import Rule
from targets.target import BadInput, Unable

DELAY = "delay"  # a mode of rules, and how the ids of such begin


class Ways(Remedies):
    """Trouble on the way between the nodes."""

    def means(self, rule: Rule) -> str:
        """Say by what means the rule would be kept. Unable for what nobody in this cluster can do."""
        if rule.mode == DELAY:
            mesh.check(self.cluster, rule)
        else:
            policies.check(rule)
        there = {pod.namespace for side in self._sides(rule) for pod in side}
        self.permitted(there, rights.MESH if rule.mode == DELAY else rights.PARTITION)
        return "a NetworkChaos of Chaos Mesh" if rule.mode == DELAY else "a NetworkPolicy"

    def cut(self, rule: Rule) -> None:
        """Put a rule in force, for existing and for new connections; again is the same as once."""
        sides = self._sides(rule)
        if rule.mode == DELAY:
            mesh.check(self.cluster, rule)
            mesh.slow(self.cluster, rule, *sides, self.expires_at)
            return
        policies.check(rule)
        policies.cut(self.cluster, rule, *sides, self.expires_at)

    def foresee(self, rules: Collection[Rule]) -> None:
        """See whether policies are enforced where these rules will be: it takes seconds, which are no outage's."""
        for namespace in {self._sides(rule)[1][0].namespace for rule in rules}:
            canary.enforced_after(self.cluster, namespace)

    def holds(self, rule: Rule) -> bool:
        """Tell whether a rule that is in force cuts anybody off: somebody else's network has to see to that."""
        _, destinations = self._sides(rule)
        within = canary.enforced_after(self.cluster, destinations[0].namespace)
        time.sleep(within or 0)
        return within is not None

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""
        if rule_id.startswith(DELAY):
            mesh.freed(self.cluster, self._namespaces(), rule_id)
            return
        every = [pod for pods in self.everywhere().values() for pod in pods]
        policies.uncut(self.cluster, self._namespaces(), rule_id, every)

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""
        there = self._namespaces()
        return policies.cuts(self.cluster, there) | mesh.slowed(self.cluster, there)

    def _sides(self, rule: Rule) -> tuple[list[Pod], list[Pod]]:
        every = {self.named(pod): pod for pods in self.everywhere().values() for pod in pods}
        if unknown := {*rule.sources, *rule.destinations} - {*every, policies.EVERYBODY}:
            raise BadInput(f"{self.address} has no node {', '.join(sorted(unknown))}; it has {', '.join(every)}")
        found = [[every[name] for name in side if name in every] for side in (rule.sources, rule.destinations)]
        if len({pod.namespace for pod in found[1]}) > 1:
            raise Unable("destinations in several namespaces: cut them off by one rule each")
        return found[0], found[1]
