"""Burn CPU beside a component's nodes, as a noisy neighbour does."""

import os
import uuid
from typing import Any

from experiments.faults import Plan, able, chosen
from targets.abilities import Loadable
from targets.target import BadInput, Target


def plan(target: Target, *, component: str, workers: int | None = None, seconds: float = 60) -> dict[str, Any]:
    """Burn with `workers` processes (default: one for each core) beside every node, for `seconds` at most."""
    able(target, Loadable, "burn CPU")
    workers = workers or os.cpu_count() or 1
    if not 1 <= workers <= 64 or not 0 < seconds <= 3600:
        raise BadInput(f"stress: workers={workers}, seconds={seconds}; use 1 to 64 workers and up to 3600 seconds")
    victims = chosen(target, component, None)
    return {
        "victims": victims,
        "loads": {name: f"stress-{uuid.uuid4().hex[:8]}" for name in victims},
        "workers": workers,
        "seconds": seconds,
        "undo": "end the burners",
    }


def inject(target: Target, plan: Plan) -> None:
    """Start the burners."""
    loadable = able(target, Loadable, "burn CPU")
    for name, load_id in plan["loads"].items():
        loadable.load(name, load_id=load_id, kind="cpu", workers=plan["workers"], seconds=plan["seconds"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether any burner runs."""
    loadable = able(target, Loadable, "burn CPU")
    return any(loadable.loading(load_id) for load_id in plan["loads"].values())


def heal(target: Target, plan: Plan) -> None:
    """End the burners."""
    loadable = able(target, Loadable, "burn CPU")
    for load_id in plan["loads"].values():
        loadable.unload(load_id)


def residue(target: Target) -> list[str]:
    """Name the burners that run."""
    loads = able(target, Loadable, "burn CPU").loads()
    return [f"burners {load} run" for load in sorted(loads) if load.startswith("stress-")]
