"""A lab of containers that is up, as a target."""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol, cast

from targets.boxes import build, front, plugs, reach
from targets.boxes.changes import Changes
from targets.boxes.loads import Loads
from targets.lab.layout import COMPONENTS, PARTS, component_url, node_url
from targets.lab.stores import Stores
from targets.rules import Rule
from targets.target import BadInput, Node

DOWN_S = 60.0


class Owned(Protocol):
    """What keeps a lab that this process owns."""

    def let_go(self, within: float) -> None:
        """Take it away."""


class ContainersTarget(Changes, Loads, Stores):
    """A lab that is up. Its abilities are those of targets.abilities."""

    disposable = True
    components = COMPONENTS

    def __init__(self, lab: str, switchboard: str, doors: Mapping[str, int], owned: Owned | None = None) -> None:
        Changes.__init__(self, lab, doors)
        Stores.__init__(self, doors)
        self._doors = doors
        self.address = f"containers:{lab}"
        self._front = switchboard  # its address on the lab's network
        self._owned = owned

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a component, all or of one role; a node that does not answer has role ""."""
        self._check(component)
        from targets.lab.ask_roles import ask_roles  # noqa: PLC0415  asks with the servers' own clients

        scaled = self.scaled_to(component)
        parts = [each for each in PARTS if each.name in scaled]
        roles = ask_roles(component, [each.name for each in parts], self._doors)
        found = [
            Node(
                name=p.name,
                component=component,
                role=roles[p.name],
                zone=p.zone,
                endpoint=node_url(p.name, self._doors),
                inside=f"{self._front}:{self._doors[p.name]}" if p.name in self._doors else "",
            )
            for p in parts
        ]
        return tuple(node for node in found if role is None or node.role == role)

    def endpoint(self, component: str) -> str:
        """Give the URL at which the component's callers reach it; "" for one that takes no connections."""
        self._check(component)
        return component_url(component, self._doors)

    def cut(self, rule: Rule) -> None:
        """Put a rule in force. BadInput for a node that is not there, or that takes no connections."""
        reach.cut(self.lab, dict(self._doors), rule)

    def means(self, rule: Rule) -> str:
        """Say what would keep the rule."""
        said = str(front.ask(self.lab, "links.means", **asdict(rule)))
        return "nftables in the containers of the sources" if reach.by_kernel(rule) else said

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""
        reach.uncut(self.lab, rule_id)

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""
        return frozenset(front.ask(self.lab, "links.cuts"))

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give the engine's own commands that connect a node again; () for all else."""
        if undo != "plug":
            return ()
        return plugs.spelled(self.inspect(str(arguments[0])), cast("Any", arguments[1]))

    def close(self) -> None:
        """Take the lab away, leaving nothing; again is the same as once."""
        if self._owned:
            self._owned.let_go(DOWN_S)
            self._owned = None
        for why in build.down(self.lab):
            sys.stderr.write(f"drillyard: an empty network stays until the engine is restarted: {why}\n")

    def _check(self, component: str) -> None:
        if component not in COMPONENTS:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(COMPONENTS)}")
