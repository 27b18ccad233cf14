"""Lose nodes with their data, as when a host's disk dies with it; what comes back has to be built anew."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Erasable, Killable
from targets.target import BadInput, Target
from targets.workloads import Claiming

KIND = "failover"
LEADERS = ("primary", "master")
_KILL, _ERASE = "start nodes", "lose a node's data"


def plan(target: Target, *, component: str, role: str | None = None, count: int | None = None) -> dict[str, Any]:
    """Name the running instances whose data will be gone.

    The data of a leader cannot be built anew from itself: BadInput unless `role` names it.
    """
    able(target, Erasable, _ERASE)
    killable = able(target, Killable, _KILL)
    victims = chosen(target, component, role, count=count)
    leaders = [n.name for n in target.nodes(component) if n.role in LEADERS and n.name in victims]
    if leaders and role not in LEADERS:
        raise BadInput(
            f"lose: {', '.join(leaders)} leads {component}, and its data can be built anew only after another node was "
            "promoted; name the role of those you mean, also if you do mean this one"
        )
    if isinstance(target, Claiming):
        target.losable(victims)
    running = {name: instance for name in victims if (instance := killable.incarnation(name))}
    return {
        "victims": list(running),
        "instances": running,
        "undo": "start the nodes again; they are built anew from their leader",
    }


def inject(target: Target, plan: Plan) -> None:
    """Kill all victims at once and remove their data."""
    erasable = able(target, Erasable, _ERASE)
    with ThreadPoolExecutor(len(plan["instances"])) as pool:
        lost = [pool.submit(erasable.lose, name, instance) for name, instance in plan["instances"].items()]
        for each in lost:
            each.result()


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether a victim is down without its data; False while one runs unharmed, None once all are rebuilt."""
    killable, erasable = able(target, Killable, _KILL), able(target, Erasable, _ERASE)
    now = {name: killable.incarnation(name) for name in plan["victims"]}
    if any(now[name] == instance for name, instance in plan["instances"].items()):
        return False
    return True if erasable.lost() & set(plan["victims"]) else None


def heal(target: Target, plan: Plan) -> None:
    """Start every victim that does not run: its launcher builds it anew."""
    killable = able(target, Killable, _KILL)
    with ThreadPoolExecutor(len(plan["victims"])) as pool:
        list(pool.map(killable.start, plan["victims"]))


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to start the victims, which builds them anew."""
    return [line for name in plan["victims"] for line in spelled(target, "start", name)]


def residue(target: Target) -> list[str]:
    """Name the nodes that are without their data."""
    return [f"{name} lost its data" for name in sorted(able(target, Erasable, _ERASE).lost())]
