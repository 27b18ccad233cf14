"""Use up the quota of the place where nodes run: what runs goes on, and whoever dies is not replaced."""

import uuid
from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.clustered import Limited
from targets.target import Target

KIND = "dependency"
WHAT = "use up quotas"


def plan(target: Target, *, component: str | Sequence[str]) -> dict[str, Any]:
    """Find the namespaces of the components; all that is to start there is refused, whosever it is."""
    limited = able(target, Limited, WHAT)
    victims = chosen(target, component)
    return {
        "victims": victims,
        "id": f"drillyard-quota-{uuid.uuid4().hex[:8]}",
        "namespaces": limited.exhaustible([component] if isinstance(component, str) else component),
        "undo": "take our quota away, and have whoever waits for pods try again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Use them up."""
    able(target, Limited, WHAT).use_up(plan["id"], plan["namespaces"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether one of them is used up by this."""
    return plan["id"] in able(target, Limited, WHAT).used_up()


def heal(target: Target, plan: Plan) -> None:
    """Give back what was there."""
    able(target, Limited, WHAT).free(plan["id"], plan["namespaces"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to give it back."""
    return spelled(target, "free", plan["id"], plan["namespaces"])


def residue(target: Target) -> list[str]:
    """Name the quotas that we use up."""
    return [f"{each} is used up" for each in sorted(able(target, Limited, WHAT).used_up())]
