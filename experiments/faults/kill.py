"""Kill nodes without grace, as `kill -9` and a lost pod do. What comes back by itself is the system's own doing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen
from targets.target import Killable, Target


def plan(target: Target, *, component: str, role: str | None = None) -> dict[str, Any]:
    """Name the running instances of `component` (those of `role` only); they are killed together."""
    killable = able(target, Killable, "kill nodes")
    running = {name: killable.incarnation(name) for name in chosen(target, component, role)}
    return {
        "victims": [name for name, instance in running.items() if instance],
        "instances": {name: instance for name, instance in running.items() if instance},
        "undo": "start the killed nodes again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Kill all victims at once."""
    killable = able(target, Killable, "kill nodes")
    with ThreadPoolExecutor(len(plan["instances"])) as pool:
        list(pool.map(lambda victim: killable.kill(*victim), plan["instances"].items()))


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether a victim is down; False while any of them still runs unharmed, None once all are back."""
    killable = able(target, Killable, "kill nodes")
    now = {name: killable.incarnation(name) for name in plan["victims"]}
    if any(now[name] == instance for name, instance in plan["instances"].items()):
        return False
    return True if None in now.values() else None


def heal(target: Target, plan: Plan) -> None:
    """Start every victim that does not run."""
    killable = able(target, Killable, "kill nodes")
    for name in plan["victims"]:
        killable.start(name)


def residue(target: Target) -> list[str]:
    """Name the nodes that should run and do not."""
    return [f"{name} does not run" for name in able(target, Killable, "kill nodes").down()]
