"""More callers than a component has room for: slow ones, who keep what they get. Others are refused."""

import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, loadable, spelled
from targets.abilities import Loadable, Scalable
from targets.target import BadInput, Target

KIND = "stress"
MOST_CALLERS = 2000


def plan(target: Target, *, component: str, callers: int, seconds: float = 60) -> dict[str, Any]:
    """Note how many nodes there are, which the undo restores; the callers come for `seconds` at most."""
    able(target, Loadable, "call in numbers")
    if not 1 <= callers <= MOST_CALLERS or not 0 < seconds <= 3600:
        raise BadInput(
            f"flood: callers={callers}, seconds={seconds}; use 1 to {MOST_CALLERS} callers and up to 3600 seconds"
        )
    victims = chosen(target, component)
    loadable(target, "call in numbers", victims, "flood")
    return {
        "victims": victims,
        "component": component,
        "load": f"flood-{uuid.uuid4().hex[:8]}",
        "callers": callers,
        "seconds": seconds,
        "nodes": able(target, Scalable, "scale").scaled(component),
        "undo": "send the callers away, restore the number of nodes",
    }


def inject(target: Target, plan: Plan) -> None:
    """Let the callers come."""
    options = {"callers": str(plan["callers"])}
    able(target, Loadable, "call in numbers").load(
        plan["victims"][0], load_id=plan["load"], kind="flood", workers=1, seconds=plan["seconds"], options=options
    )


def active(target: Target, plan: Plan) -> bool:
    """Tell whether they call."""
    return able(target, Loadable, "call in numbers").loading(plan["load"]) > 0


def heal(target: Target, plan: Plan) -> None:
    """Send them away; nodes that were added for them go as well."""
    able(target, Loadable, "call in numbers").unload(plan["load"])
    scalable = able(target, Scalable, "scale")
    if scalable.scaled(plan["component"]) != plan["nodes"]:
        scalable.scale(plan["component"], plan["nodes"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to send the callers away and to restore the number of nodes."""
    return spelled(target, "unload", plan["load"]) + spelled(target, "scale", plan["component"], plan["nodes"])


def residue(target: Target) -> list[str]:
    """Name the floods that go on, and the components that have another number of nodes than at first."""
    loads = able(target, Loadable, "call in numbers").loads()
    floods = [f"flood {load} goes on" for load in sorted(loads) if load.startswith("flood-")]
    resized = able(target, Scalable, "scale").resized()
    return floods + [f"{component} has another number of nodes" for component in resized]
