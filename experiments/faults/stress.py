"""Burn CPU or hold memory beside a component's nodes, as a noisy neighbour does."""

import os
import uuid
from typing import Any

from experiments.faults import Plan, _memory, able, chosen_nodes, loadable, spelled
from targets.abilities import Loadable
from targets.target import BadInput, Target

KIND = "stress"
KINDS = ("cpu", "memory")


def plan(
    target: Target,
    *,
    component: str,
    kind: str = "cpu",
    workers: int | None = None,
    megabytes: int = 0,
    seconds: float = 60,
) -> dict[str, Any]:
    """Set `workers` programs (default: one for each core) to work beside every node, for `seconds` at most.

    `kind` "memory": each takes `megabytes`.  BadInput when all of them together would take more than half of what is
    available there now.
    """
    able(target, Loadable, "set programs to work beside its nodes")
    workers = workers or (os.cpu_count() or 1 if kind == "cpu" else 1)
    if kind not in KINDS or (kind == "memory") != (megabytes > 0):
        raise BadInput(f"stress: kind={kind!r}, megabytes={megabytes}; use kind cpu, or memory with megabytes above 0")
    if not 1 <= workers <= 64 or not 0 < seconds <= 3600:
        raise BadInput(f"stress: workers={workers}, seconds={seconds}; use 1 to 64 workers and up to 3600 seconds")
    nodes = chosen_nodes(target, component)
    within = loadable(target, "set programs to work beside its nodes", [node.name for node in nodes], kind)
    for node in nodes if kind == "memory" else ():  # the nodes of one component may stand on one machine
        _memory.check_room(target, node, megabytes * workers * len(nodes), "stress", within=within)
    return {
        "victims": [node.name for node in nodes],
        "loads": {node.name: f"stress-{uuid.uuid4().hex[:8]}" for node in nodes},
        "kind": kind,
        "workers": workers,
        "options": {"megabytes": str(megabytes)} if kind == "memory" else None,
        "seconds": seconds,
        "undo": "end the burners" if kind == "cpu" else "give the memory back",
    }


def inject(target: Target, plan: Plan) -> None:
    """Start the programs."""
    loadable = able(target, Loadable, "set programs to work beside its nodes")
    how = {key: plan[key] for key in ("kind", "workers", "seconds", "options")}
    for name, load_id in plan["loads"].items():
        loadable.load(name, load_id=load_id, **how)


def active(target: Target, plan: Plan) -> bool:
    """Tell whether any of them runs."""
    loadable = able(target, Loadable, "set programs to work beside its nodes")
    return any(loadable.loading(load_id) for load_id in plan["loads"].values())


def heal(target: Target, plan: Plan) -> None:
    """End them."""
    loadable = able(target, Loadable, "set programs to work beside its nodes")
    for load_id in plan["loads"].values():
        loadable.unload(load_id)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to end them."""
    return [line for load_id in plan["loads"].values() for line in spelled(target, "unload", load_id)]


def residue(target: Target) -> list[str]:
    """Name those that run."""
    loads = able(target, Loadable, "set programs to work beside its nodes").loads()
    return [f"stress {load} goes on" for load in sorted(loads) if load.startswith("stress-")]
