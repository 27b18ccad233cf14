"""Burn CPU or hold memory beside a component's nodes, as a noisy neighbour does."""

import os
import re
import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Loadable
from targets.target import BadInput, Target

KIND = "stress"
KINDS = ("cpu", "memory")
SAFE_SHARE = 0.5  # of the memory that is available; the rest is for those who are only to be disturbed
_LOOK = (  # what the machine has left, in kB, and what a container is allowed and has taken, in bytes
    "grep MemAvailable /proc/meminfo; cd /sys/fs/cgroup;"
    "for f in memory.max memory/memory.limit_in_bytes; do [ -r $f ] && echo limit $(cat $f); done;"
    "for f in memory.current memory/memory.usage_in_bytes; do [ -r $f ] && echo usage $(cat $f); done; true"
)


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
    victims = chosen(target, component, None)
    if kind == "memory":
        _check_room(target, component, megabytes * workers * len(victims))
    return {
        "victims": victims,
        "loads": {name: f"stress-{uuid.uuid4().hex[:8]}" for name in victims},
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


def _check_room(target: Target, component: str, megabytes: int) -> None:
    """Refuse to take more than a safe share; nodes of one component may stand on one machine."""
    for node in target.nodes(component):
        said = target.run(node, ["sh", "-c", _LOOK], timeout=5).out
        seen = {key: int(value) for key, value in re.findall(r"(\w+):? +(\d+)", said)}
        if "MemAvailable" not in seen:
            raise BadInput(f"stress: how much memory is available beside {node.name} cannot be told; none is taken")
        room = seen["MemAvailable"] >> 10
        if "limit" in seen:
            room = min(room, (seen["limit"] - seen.get("usage", 0)) >> 20)
        if megabytes > SAFE_SHARE * room:
            raise BadInput(
                f"stress: {megabytes} megabytes are more than {SAFE_SHARE:.0%} of the {max(room, 0)} that are "
                f"available beside {node.name}; use less"
            )
