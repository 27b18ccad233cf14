"""Delete namespaces with all that is in them, as a wrong command or a wrong pipeline does.

How to make them again is kept in the cluster before, and the data of their volumes stays until they are there again:
by the undo, or by somebody's own recovery, after which what their volumes held goes the usual way.
"""

from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, spelled
from targets.clustered import Housed
from targets.target import BadInput, Target

KIND = "other"
WHAT = "delete namespaces"


def plan(target: Target, *, component: str | Sequence[str], backed_up: bool = False) -> dict[str, Any]:
    """Find the namespaces of the components; every component that is there goes with them.

    `backed_up`: the recovery wants the cluster's own backups, so that Unable without any.
    """
    housed = able(target, Housed, WHAT)
    if backed_up:
        housed.backs_up()
    named = [component] if isinstance(component, str) else list(component)
    estates = housed.estates(named)
    if not estates:
        raise BadInput(f"component {component!r} has no namespace on {target.address} at this moment")
    return {
        "victims": list(housed.tenants(estates)),
        "namespaces": dict(estates),
        "undo": "make what is not there of them again, with the volumes that they had",
    }


def inject(target: Target, plan: Plan) -> None:
    """Delete them, and wait until they are gone."""
    for namespace in plan["namespaces"]:
        able(target, Housed, WHAT).erase(namespace)


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether one of them is gone; False while they are what they were, None once they were made again."""
    housed = able(target, Housed, WHAT)
    now = {namespace: housed.standing(namespace) for namespace in plan["namespaces"]}
    if None in now.values():
        return True
    return False if now == plan["namespaces"] else None


def heal(target: Target, plan: Plan) -> None:
    """Make them again."""
    for namespace in plan["namespaces"]:
        able(target, Housed, WHAT).rebuild(namespace)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to make them again."""
    return [line for namespace in plan["namespaces"] for line in spelled(target, "rebuild", namespace)]


def residue(target: Target) -> list[str]:
    """Name the namespaces that are kept because they were deleted."""
    return [f"namespace {each} was deleted" for each in sorted(able(target, Housed, WHAT).erased())]
