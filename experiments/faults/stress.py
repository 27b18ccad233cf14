"""Burn CPU beside a component's nodes, as a noisy neighbour does."""

import os
import uuid
from typing import Any

from experiments.faults import Plan, able, chosen
from targets.target import BadInput, Stressable, Target


def plan(target: Target, *, component: str, workers: int | None = None, seconds: float = 60) -> dict[str, Any]:
    """Burn with `workers` processes (default: one for each core) beside every node, for `seconds` at most."""
    able(target, Stressable, "burn CPU")
    workers = workers or os.cpu_count() or 1
    if not 1 <= workers <= 64 or not 0 < seconds <= 3600:
        raise BadInput(f"stress: workers={workers}, seconds={seconds}; use 1 to 64 workers and up to 3600 seconds")
    victims = chosen(target, component, None)
    return {
        "victims": victims,
        "burns": {name: f"stress-{uuid.uuid4().hex[:8]}" for name in victims},
        "workers": workers,
        "seconds": seconds,
        "undo": "end the burners",
    }


def inject(target: Target, plan: Plan) -> None:
    """Start the burners."""
    stressable = able(target, Stressable, "burn CPU")
    for name, stress_id in plan["burns"].items():
        stressable.burn(name, stress_id=stress_id, workers=plan["workers"], seconds=plan["seconds"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether any burner runs."""
    stressable = able(target, Stressable, "burn CPU")
    return any(stressable.burning(stress_id) for stress_id in plan["burns"].values())


def heal(target: Target, plan: Plan) -> None:
    """End the burners."""
    stressable = able(target, Stressable, "burn CPU")
    for stress_id in plan["burns"].values():
        stressable.extinguish(stress_id)


def residue(target: Target) -> list[str]:
    """Name the burners that run."""
    return [f"burners {name} run" for name in sorted(able(target, Stressable, "burn CPU").burners())]
