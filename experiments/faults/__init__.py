"""The kinds of harm: one module each, with six plain functions and a `KIND`, by which an emergency stop chooses.

A new kind is a new file here, nothing else.  The functions act on what the plan names; selecting, recording,
retrying, timing and refusing belong to the door (rollback.guard), which alone calls `inject` and `heal`.

May import: targets.
"""

import importlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, Protocol, TypeVar, cast

from targets.abilities import Loadable
from targets.places import ROOT
from targets.rules import Rule
from targets.target import BadInput, Node, Target, Unable
from targets.telling import Spelling
from targets.workloads import Neighboured

Plan = Mapping[str, Any]
Ability = TypeVar("Ability")
OF = "of "
KINDS = ("partition", "kill", "stress", "dependency", "failover", "other")
BLOCKING = ("partition", "stress", "dependency")  # what is cut off, overloaded or not let in would not come back


class Fault(Protocol):
    """What a module of this folder answers to."""

    KIND: str  # of KINDS

    def plan(self, target: Target, **params: Any) -> dict[str, Any]:
        """Decide everything that inject and heal need, reading only. JSON; `victims` lists the nodes' names."""

    def inject(self, target: Target, plan: Plan) -> None:
        """Hurt the planned victims, and nobody else."""

    def active(self, target: Target, plan: Plan) -> bool | None:
        """Look: True while it hurts, False when it does not, None when it did and has ended by itself."""

    def heal(self, target: Target, plan: Plan) -> None:
        """Put the victims back: idempotent, legal from every state, forgiving of vanished victims."""

    def by_hand(self, target: Target, plan: Plan) -> list[str]:
        """Write down commands for a shell that do what heal does, with real values: for when heal cannot."""

    def residue(self, target: Target) -> list[str]:
        """Describe what of this kind is still in the target, whoever left it there."""


def names() -> tuple[str, ...]:
    """List the kinds of harm there are."""
    return tuple(sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_")))


def load(name: str) -> Fault:
    """Find a kind by its name. BadInput names those there are."""
    if name not in names():
        raise BadInput(f"fault: no fault is called {name!r}; there are {', '.join(names())}")
    return cast("Fault", importlib.import_module(f"experiments.faults.{name}"))


def kind(name: str) -> str:
    """Say which of KINDS a fault belongs to; "other" for one that there is not, or that does not say."""
    return str(getattr(load(name), "KIND", "other")) if name in names() else "other"


def spelled(target: Target, undo: str, *arguments: object) -> list[str]:
    """Write down for a shell what calling the target's method `undo` would do: a command of its own, else the call."""
    own = target.spelled(undo, *arguments) if isinstance(target, Spelling) else ()
    call = f"attach({target.address!r}).{undo}({', '.join(map(repr, arguments))})"
    code = f"from targets.target import attach; {call}"
    return list(own) or [f"cd {quote(str(ROOT))} && {quote(sys.executable)} -c {quote(code)}"]


def able(target: Target, ability: type[Ability], what: str) -> Ability:
    """Ask the target for an ability. Unable, with the reason, when it lacks it."""
    if not isinstance(target, ability):
        raise Unable(f"target {target.address} cannot {what}")
    return target


def loadable(target: Target, what: str, nodes: Sequence[str], kind: str) -> bool:
    """Tell whether what is set to work beside these nodes works within their own limits. Unable: it cannot be."""
    able(target, Loadable, what)
    return not isinstance(target, Neighboured) or target.loadable(nodes, kind)


def chosen(
    target: Target,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> list[str]:
    """Name the nodes to be hurt, as `chosen_nodes` finds them."""
    return [node.name for node in chosen_nodes(target, component, role, zone, count)]


def chosen_nodes(
    target: Target,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> list[Node]:
    """Find the nodes to be hurt: of one or several components, of a role, in a zone, the first `count` of them.

    `zone` "of ROLE" is the one in which the node of that role stands now: roles move.  BadInput when there are none, or
    fewer than `count`.
    """
    components = [component] if isinstance(component, str) else list(component)
    if zone and zone.startswith(OF):
        zone = _zone_of(target, components, zone.removeprefix(OF))
    nodes = [node for each in components for node in target.nodes(each, role) if zone in (None, node.zone)]
    if not nodes or len(nodes) < (count or 0):
        asked = {"role": role, "zone": zone, "count": count}
        wanted = ", ".join(f"{key} {value!r}" for key, value in asked.items() if value is not None) or "any kind"
        raise BadInput(f"component {component!r} has {len(nodes)} nodes of {wanted} on {target.address} at this moment")
    return nodes[:count]


def between(
    target: Target,
    source: str | Sequence[str],
    destination: str | Sequence[str],
    role: str | None,
    source_role: str | None = None,
) -> dict[str, list[str]]:
    """Name the two sides of trouble on the way from components to others, or to their own nodes of a role.

    A node is not its own caller: left out here, the links need not look for it among the callers either.
    """
    destinations = chosen(target, destination, role)
    sources = chosen(target, source, source_role)
    others = [name for name in sources if name not in destinations]
    return {"sources": others or sources, "destinations": destinations}


def rule(words: Mapping[str, Any]) -> Rule:
    """Make a rule for the links of what a plan says of it, as JSON. BadInput when no link could do that."""
    return Rule(**{**words, **{side: tuple(words[side]) for side in ("sources", "destinations")}})


def _zone_of(target: Target, components: Sequence[str], role: str) -> str:
    zones = {node.zone for each in components for node in target.nodes(each, role)}
    if len(zones) != 1:
        raise BadInput(f"zone 'of {role}': {len(zones)} zones hold a {role} of {', '.join(components)}; it takes one")
    return zones.pop()
