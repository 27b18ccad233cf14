"""Change a setting of a component's servers while they run, as a hurried hand does."""

from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Configurable
from targets.target import BadInput, Target

KIND = "other"


def plan(target: Target, *, component: str, name: str, value: str, role: str | None = None) -> dict[str, Any]:
    """Note what is set now on every chosen node. BadInput when the value is in force there already."""
    configurable = able(target, Configurable, "change settings")
    before = {node: configurable.setting(node, name) for node in chosen(target, component, role)}
    if str(value) in before.values():
        raise BadInput(f"misconfigure: {name} is {value!r} already; choose another value")
    return {
        "victims": list(before),
        "name": name,
        "value": str(value),
        "before": before,
        "undo": f"set {name} as it was",
    }


def inject(target: Target, plan: Plan) -> None:
    """Set the value on every node."""
    configurable = able(target, Configurable, "change settings")
    for node in plan["victims"]:
        configurable.configure(node, plan["name"], plan["value"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether any node has the value."""
    configurable = able(target, Configurable, "change settings")
    return any(configurable.setting(node, plan["name"]) == plan["value"] for node in plan["victims"])


def heal(target: Target, plan: Plan) -> None:
    """Set on every node what was set before; a node that was changed by somebody else meanwhile is left alone."""
    configurable = able(target, Configurable, "change settings")
    for node, before in plan["before"].items():
        if configurable.setting(node, plan["name"]) == plan["value"]:
            configurable.configure(node, plan["name"], before)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to set what was set before."""
    settings = plan["before"].items()
    return [line for node, before in settings for line in spelled(target, "configure", node, plan["name"], before)]


def residue(target: Target) -> list[str]:
    """Name the settings that would survive a restart and are nobody's own."""
    return [f"setting {line}" for line in sorted(able(target, Configurable, "change settings").overrides())]
