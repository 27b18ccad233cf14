"""Cut a component off from another one: packets vanish and nobody is told, as in a broken network."""

import uuid
from typing import Any

from experiments.faults import Plan, able, between, rule
from targets.abilities import Partitionable
from targets.target import Target


def plan(
    target: Target, *, source: str, destination: str, role: str | None = None, direction: str = "both"
) -> dict[str, Any]:
    """Name the nodes of `source` that will not reach those of `destination` (those of `role` only).

    `direction`: "both"; "there": what `source` sends is lost, what `destination` sends arrives; "back": the reverse.
    """
    able(target, Partitionable, "cut connections")
    words: dict[str, Any] = {
        "id": f"partition-{uuid.uuid4().hex[:8]}",
        **between(target, source, destination, role),
        "mode": "drop",
        "direction": direction,
    }
    rule(words)  # it is checked here, before anything is hurt
    return {"victims": words["sources"], "rule": words, "undo": "let the connections through again"}


def inject(target: Target, plan: Plan) -> None:
    """Put the cut in force."""
    able(target, Partitionable, "cut connections").cut(rule(plan["rule"]))


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
