"""Delete the keys of a prefix, as a hurried hand or a bad deployment empties a cache.

There is nothing to put back: what was deleted returns only when somebody writes it again.  So that everybody can see
that it happened and whether it is over, a marker key stands beside it from the flush until the heal.
"""

import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Keyed
from targets.target import BadInput, Target

KIND = "other"
MARK = "drillyard:flush-"
MARK_S = 3600


def plan(target: Target, *, component: str, prefix: str) -> dict[str, Any]:
    """Name the master, and count the keys that begin with `prefix`. BadInput for an empty prefix."""
    if not prefix or MARK.startswith(prefix):
        raise BadInput(f"flush: prefix {prefix!r} would delete more than is meant; name the beginning of the keys")
    keyed = able(target, Keyed, "delete keys")
    return {
        "victims": chosen(target, component, "master"),
        "component": component,
        "prefix": prefix,
        "keys": len(keyed.keys(component, prefix)),
        "mark": f"{MARK}{uuid.uuid4().hex[:8]}",
        "undo": "nothing brings the keys back but those who write them; take the marker away",
    }


def inject(target: Target, plan: Plan) -> None:
    """Delete them."""
    keyed = able(target, Keyed, "delete keys")
    keyed.add_key(plan["component"], plan["mark"], seconds=MARK_S)
    keyed.delete_keys(plan["component"], keyed.keys(plan["component"], plan["prefix"]))


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether there are fewer keys than before; None when there are as many again, False without a flush."""
    keyed = able(target, Keyed, "delete keys")
    if not plan["keys"] or not keyed.keys(plan["component"], plan["mark"]):
        return False
    return True if len(keyed.keys(plan["component"], plan["prefix"])) < plan["keys"] else None


def heal(target: Target, plan: Plan) -> None:
    """Take the marker away: the flush is over, whether the keys are back or not."""
    able(target, Keyed, "delete keys").delete_keys(plan["component"], [plan["mark"]])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to take the marker away."""
    return spelled(target, "delete_keys", plan["component"], [plan["mark"]])


def residue(target: Target) -> list[str]:
    """Name the flushes that are not over."""
    keyed = able(target, Keyed, "delete keys")
    marks = [mark for component in keyed.keyed() for mark in keyed.keys(component, MARK, wait=False)]
    return [f"flush {mark.removeprefix(MARK)} is not over" for mark in sorted(marks)]
