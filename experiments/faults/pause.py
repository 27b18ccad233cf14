"""Freeze nodes: they keep their connections and answer nobody, as a hung host or a stalled disk makes them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Killable, Pausable
from targets.target import Target

KIND = "kill"


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """Name the running instances of the chosen nodes."""
    able(target, Pausable, "freeze nodes")
    running = able(target, Killable, "tell what runs")
    instances = {name: running.incarnation(name) for name in chosen(target, component, role, zone, count)}
    return {
        "victims": [name for name, instance in instances.items() if instance],
        "instances": {name: instance for name, instance in instances.items() if instance},
        "undo": "let the frozen nodes go on",
    }


def inject(target: Target, plan: Plan) -> None:
    """Freeze all victims at once."""
    pausable = able(target, Pausable, "freeze nodes")
    with ThreadPoolExecutor(max(1, len(plan["instances"]))) as pool:
        for each in [pool.submit(pausable.pause, *one) for one in plan["instances"].items()]:
            each.result()


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether a victim is frozen; None when all of them were replaced meanwhile, False when they run."""
    if able(target, Pausable, "freeze nodes").paused() & set(plan["victims"]):
        return True
    running = able(target, Killable, "tell what runs")
    replaced = all(running.incarnation(name) != instance for name, instance in plan["instances"].items())
    return None if replaced else False


def heal(target: Target, plan: Plan) -> None:
    """Let them go on."""
    pausable = able(target, Pausable, "freeze nodes")
    for name in plan["victims"]:
        pausable.resume(name)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to let the frozen nodes go on."""
    return [line for name in plan["victims"] for line in spelled(target, "resume", name)]


def residue(target: Target) -> list[str]:
    """Name the frozen nodes."""
    return [f"{name} is frozen" for name in sorted(able(target, Pausable, "freeze nodes").paused())]
