"""Take name resolution from nodes: open connections go on, and whoever has to be looked up is not found."""

import uuid
from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.clustered import Naming
from targets.target import Target

KIND = "dependency"
WHAT = "take names from nodes"


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """Choose the nodes that will resolve no name."""
    naming = able(target, Naming, WHAT)
    victims = chosen(target, component, role, zone, count)
    naming.nameable(victims)
    return {"victims": victims, "id": f"dns-{uuid.uuid4().hex[:8]}", "undo": "let names be resolved again"}


def inject(target: Target, plan: Plan) -> None:
    """Take their names away."""
    able(target, Naming, WHAT).take_names(plan["id"], plan["victims"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether names are taken, and somebody sees to it."""
    naming = able(target, Naming, WHAT)
    return plan["id"] in naming.nameless() and naming.confined(plan["victims"])


def heal(target: Target, plan: Plan) -> None:
    """Give them back."""
    able(target, Naming, WHAT).give_names(plan["id"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to give them back."""
    return spelled(target, "give_names", plan["id"])


def residue(target: Target) -> list[str]:
    """Name what is taken still."""
    return [f"names are taken under {each}" for each in sorted(able(target, Naming, WHAT).nameless())]
