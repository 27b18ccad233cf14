"""Slow the way between two components down: everything arrives, in order, and later."""

import uuid
from typing import Any

from experiments.faults import Plan, able, between, rule, spelled
from targets.abilities import Partitionable
from targets.target import Target

KIND = "partition"


def plan(
    target: Target,
    *,
    source: str,
    destination: str,
    seconds: float,
    role: str | None = None,
    direction: str = "both",
) -> dict[str, Any]:
    """Name the nodes of `source` whose connections to those of `destination` (of `role` only) become slow.

    `seconds`: what each way takes longer; `direction`: "both", "there" for questions only, "back" for answers only.
    """
    partitionable = able(target, Partitionable, "slow connections down")
    words: dict[str, Any] = {
        "id": f"delay-{uuid.uuid4().hex[:8]}",
        **between(target, source, destination, role),
        "mode": "delay",
        "direction": direction,
        "seconds": seconds,
    }
    partitionable.means(rule(words))  # it is checked here, before anything is hurt
    return {"victims": words["sources"], "rule": words, "undo": "let the connections be as fast as they were"}


def inject(target: Target, plan: Plan) -> None:
    """Put the delay in force, on existing and on new connections."""
    able(target, Partitionable, "slow connections down").cut(rule(plan["rule"]))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether the delay is in force."""
    return plan["rule"]["id"] in able(target, Partitionable, "slow connections down").cuts()


def heal(target: Target, plan: Plan) -> None:
    """Take the delay away; what is under way arrives at once."""
    able(target, Partitionable, "slow connections down").uncut(plan["rule"]["id"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to take the delay away."""
    return spelled(target, "uncut", plan["rule"]["id"])


def residue(target: Target) -> list[str]:
    """Name the delays in force."""
    cuts = able(target, Partitionable, "slow connections down").cuts()
    return [f"delay {cut} is in force" for cut in sorted(cuts) if cut.startswith("delay-")]
