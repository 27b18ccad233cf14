"""Cut components off from one another: packets vanish and nobody is told, as in a broken network."""

import uuid
from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, chosen
from targets.abilities import Partitionable, Rule
from targets.target import BadInput, Target


def plan(
    target: Target,
    *,
    source: str | Sequence[str],
    destination: str | Sequence[str],
    role: str | None = None,
    both_ways: bool = False,
) -> dict[str, Any]:
    """Name the nodes of `source` that will not reach those of `destination` (those of `role` only), or vice versa.

    A node that is both stays with the destinations: `source: [redis, sentinel], destination: redis, role: master`
    cuts a master off from everybody else of its kind.
    """
    able(target, Partitionable, "cut connections")
    there = chosen(target, destination, role)
    here = [name for name in chosen(target, source) if name not in there]
    if not here:
        raise BadInput(f"partition: source {source!r} has no node but those of the destination; name another source")
    rule = f"partition-{uuid.uuid4().hex[:8]}"
    cuts = [{"id": rule, "sources": here, "destinations": there}]
    if both_ways:
        cuts.append({"id": f"{rule}-back", "sources": there, "destinations": here})
    return {
        "victims": [*here, *there] if both_ways else here,
        "cuts": cuts,
        "undo": "let the connections through again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Put the cut in force."""
    partitionable = able(target, Partitionable, "cut connections")
    for cut in plan["cuts"]:
        sources, destinations = tuple(cut["sources"]), tuple(cut["destinations"])
        partitionable.cut(Rule(id=cut["id"], sources=sources, destinations=destinations, mode="drop"))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether the cut is in force, be it one way only."""
    return bool(_ids(plan) & able(target, Partitionable, "cut connections").cuts())


def heal(target: Target, plan: Plan) -> None:
    """Take the cut away."""
    partitionable = able(target, Partitionable, "cut connections")
    for rule in _ids(plan):
        partitionable.uncut(rule)


def residue(target: Target) -> list[str]:
    """Name the cuts in force."""
    cuts = able(target, Partitionable, "cut connections").cuts()
    return [f"cut {cut} is in force" for cut in sorted(cuts) if cut.startswith("partition-")]


def _ids(plan: Plan) -> set[str]:
    return {cut["id"] for cut in plan["cuts"]}
