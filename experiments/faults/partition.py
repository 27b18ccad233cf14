"""Cut a component off from another one: packets vanish and nobody is told, as in a broken network."""

import uuid
from typing import Any

from experiments.faults import Plan, able, chosen
from targets.abilities import Partitionable, Rule
from targets.target import Target


def plan(
    target: Target, *, source: str, destination: str, role: str | None = None, source_role: str | None = None
) -> dict[str, Any]:
    """Name the nodes of `source` (those of `source_role`) that will not reach those of `destination` (of `role`)."""
    able(target, Partitionable, "cut connections")
    sources = chosen(target, source, source_role)
    return {
        "victims": sources,
        "rule": {
            "id": f"partition-{uuid.uuid4().hex[:8]}",
            "sources": sources,
            "destinations": chosen(target, destination, role),
            "mode": "drop",
        },
        "undo": "let the connections through again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Put the cut in force."""
    able(target, Partitionable, "cut connections").cut(_rule(plan))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether the cut is in force."""
    return plan["rule"]["id"] in able(target, Partitionable, "cut connections").cuts()


def heal(target: Target, plan: Plan) -> None:
    """Take the cut away."""
    able(target, Partitionable, "cut connections").uncut(plan["rule"]["id"])


def residue(target: Target) -> list[str]:
    """Name the cuts in force."""
    cuts = able(target, Partitionable, "cut connections").cuts()
    return [f"cut {cut} is in force" for cut in sorted(cuts) if cut.startswith("partition-")]


def _rule(plan: Plan) -> Rule:
    rule = plan["rule"]
    return Rule(
        id=rule["id"],
        sources=tuple(rule["sources"]),
        destinations=tuple(rule["destinations"]),
        mode=rule["mode"],
    )
