"""Take a cluster's control plane away: nobody is placed, replaced or counted any more, and what runs goes on.

Nothing else can be asked of the cluster meanwhile, nor hurt in it: this fault's undo needs nobody there.
"""

from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.clustered import Headed
from targets.target import Target

KIND = "dependency"
WHAT = "take its control plane away"


def plan(target: Target, *, component: str | Sequence[str]) -> dict[str, Any]:
    """Name the nodes of the components that will be on their own."""
    return {
        "victims": chosen(target, component),
        "beyond": list(able(target, Headed, WHAT).beheadable()),
        "undo": "bring the control plane back, and wait until it has heard of every host",
    }


def inject(target: Target, plan: Plan) -> None:
    """Take it away, and wait until nothing of it runs."""
    del plan
    able(target, Headed, WHAT).behead()


def active(target: Target, plan: Plan) -> bool:
    """Tell whether it is away."""
    del plan
    return able(target, Headed, WHAT).headless()


def heal(target: Target, plan: Plan) -> None:
    """Bring it back."""
    del plan
    able(target, Headed, WHAT).bring_head_back()


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to bring it back."""
    del plan
    return spelled(target, "bring_head_back")


def residue(target: Target) -> list[str]:
    """Say that it is away."""
    return ["the control plane is away"] if able(target, Headed, WHAT).headless() else []
