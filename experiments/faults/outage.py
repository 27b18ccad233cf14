"""A dependency is out: it refuses everybody, as a provider does in an outage of its own."""

import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Partitionable
from targets.rules import Rule
from targets.target import Target

KIND = "dependency"


def plan(target: Target, *, component: str, role: str | None = None) -> dict[str, Any]:
    """Name the nodes of `component` (those of `role` only) that will refuse and reset every connection."""
    plan = {
        "victims": chosen(target, component, role),
        "rule": f"outage-{uuid.uuid4().hex[:8]}",
        "undo": "accept connections again",
    }
    able(target, Partitionable, "refuse connections").means(_rule(plan))  # checked here, before anything is hurt
    return plan


def inject(target: Target, plan: Plan) -> None:
    """Refuse from now on."""
    able(target, Partitionable, "refuse connections").cut(_rule(plan))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether connections are refused."""
    return plan["rule"] in able(target, Partitionable, "refuse connections").cuts()


def heal(target: Target, plan: Plan) -> None:
    """Accept connections again."""
    able(target, Partitionable, "refuse connections").uncut(plan["rule"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to accept connections again."""
    return spelled(target, "uncut", plan["rule"])


def residue(target: Target) -> list[str]:
    """Name the outages in force."""
    cuts = able(target, Partitionable, "refuse connections").cuts()
    return [f"outage {cut} is in force" for cut in sorted(cuts) if cut.startswith("outage-")]


def _rule(plan: Plan) -> Rule:
    return Rule(id=plan["rule"], sources=("*",), destinations=tuple(plan["victims"]), mode="reject")
