"""Pull a node's plug: it is taken off its networks altogether, nobody reaches it and it reaches nobody.

Coarser than a partition, which chooses who is cut off from whom; it asks nothing of the node but that it has a plug.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Unpluggable
from targets.target import BadInput, Target, VictimGone

KIND = "partition"
WHAT = "take nodes off their networks"


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """Write down how the chosen nodes are connected now. BadInput for one that is on no network."""
    unpluggable = able(target, Unpluggable, WHAT)
    plugs = {name: unpluggable.plugs(name) for name in chosen(target, component, role, zone, count)}
    if off := [name for name, those in plugs.items() if not those]:
        raise BadInput(f"component {component!r}: {', '.join(off)} is on no network that it could be taken off")
    return {"victims": list(plugs), "plugs": plugs, "undo": "connect the nodes to their networks as they were"}


def inject(target: Target, plan: Plan) -> None:
    """Disconnect them."""
    for name, those in plan["plugs"].items():
        able(target, Unpluggable, WHAT).unplug(name, those)


def active(target: Target, plan: Plan) -> bool:
    """Tell whether a victim is off one of its networks."""
    unpluggable = able(target, Unpluggable, WHAT)
    return any(_off(unpluggable, name, those) for name, those in plan["plugs"].items())


def heal(target: Target, plan: Plan) -> None:
    """Connect them again, with the addresses and the names that they had."""
    for name, those in plan["plugs"].items():
        with suppress(VictimGone):
            able(target, Unpluggable, WHAT).plug(name, those)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to connect them again."""
    return [line for name, those in plan["plugs"].items() for line in spelled(target, "plug", name, those)]


def residue(target: Target) -> list[str]:
    """Name the nodes that are off their networks."""
    return [f"{name} is off its network" for name in sorted(able(target, Unpluggable, WHAT).unplugged())]


def _off(target: Unpluggable, name: str, those: Sequence[Plan]) -> bool:
    on = {plug["network"] for plug in target.plugs(name)}
    return not {plug["network"] for plug in those} <= on
