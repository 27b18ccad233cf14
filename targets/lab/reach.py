"""Who reaches whom: the rules in force, kept by the kernel where it can, else by the lab's links.

The kernel's cut is the better one: not even a connection is set up, and what was sent is sent again by TCP after the
heal, as in a broken network.  It needs network namespaces; the rest is the links' part.  Standard library only.
"""

from collections.abc import Mapping

from targets.lab import nft
from targets.lab.links import Links
from targets.lab.verdict import DROP
from targets.rules import Rule


class Reach:
    """The rules of one lab."""

    def __init__(self, links: Links, spaces: Mapping[str, int]) -> None:
        """`spaces`: the descriptor of each node's network namespace; none where that is not permitted."""
        self.links = links
        self.spaces = spaces
        self._rules: dict[str, Rule] = {}

    def by_kernel(self, rule: Rule) -> bool:
        """Say whether the kernel can keep a rule: silence between nodes, whose namespaces see those very ports.

        The door that balances leads to several nodes, and callers from outside have no namespace: that is the links'.
        """
        balanced = {name for door in self.links.doors.values() if len(door.backends) > 1 for name in door.backends}
        nodes_only = {*rule.sources, *rule.destinations} <= set(self.spaces) and not balanced & set(rule.destinations)
        return bool(self.spaces) and rule.mode == DROP and nodes_only

    async def cut(self, rule: Rule) -> None:
        """Put a rule in force, for existing and for new connections."""
        if not self.by_kernel(rule):
            self.links.cut(rule)
            return
        self._rules[rule.id] = rule
        ports = [self.links.doors[name].port for name in rule.destinations if name in self.links.doors]
        for source in rule.sources:
            await nft.drop(self.spaces[source], rule.id, ports, rule.direction)

    async def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""
        self.links.uncut(rule_id)
        rule = self._rules.get(rule_id)
        for source in rule.sources if rule else ():
            await nft.undrop(self.spaces[source], rule_id)
        self._rules.pop(rule_id, None)

    async def cuts(self) -> list[str]:
        """List the ids of the rules in force; of those in the kernel, what it says itself."""
        there = [rule.id for rule in self._rules.values() if await self._is_dropping(rule)]
        return sorted([*self.links.cuts(), *there])

    async def _is_dropping(self, rule: Rule) -> bool:
        return any([await nft.is_dropping(self.spaces[source], rule.id) for source in rule.sources])
