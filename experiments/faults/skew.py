"""Put the clocks of PostgreSQL nodes wrong, as a host does whose time service is down. Monotonic clocks stay true."""

import time
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Skewable
from targets.target import BadInput, Node, Target, Unable

KIND = "other"
ANSWER_S = 10.0
_WHAT = "put clocks wrong"


def plan(
    target: Target, *, component: str, seconds: float, role: str | None = None, count: int | None = None
) -> dict[str, Any]:
    """Put the clocks `seconds` ahead, behind when negative; each node is restarted in order for it, one by one.

    BadInput for less than 10 s (a busy machine answers late), and for nodes whose clock is wrong already.
    """
    skewable = able(target, Skewable, _WHAT)
    if lacks := skewable.skew_lacks():
        raise Unable(f"target {target.address} cannot {_WHAT}: {lacks}")
    if not 10 <= abs(seconds) <= 10 * 366 * 86400:
        raise BadInput(f"skew: seconds={seconds}; use 10 s to 10 years, ahead (+) or behind (-)")
    victims = chosen(target, component, role, count=count)
    if already := sorted(skewable.skewed().keys() & set(victims)):
        raise BadInput(f"skew: the clock of {', '.join(already)} is wrong already; stop that first")
    return {"victims": victims, "component": component, "seconds": seconds, "undo": "restart with the true clock"}


def inject(target: Target, plan: Plan) -> None:
    """Restart the victims with the wrong clock, one after the other: the others go on meanwhile."""
    for name in plan["victims"]:
        able(target, Skewable, _WHAT).skew(name, plan["seconds"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether the clock of any victim is wrong, as its server tells the time."""
    off = (_off_by(target, plan, name) for name in plan["victims"])
    return any(abs(each) > abs(plan["seconds"]) / 2 for each in off if each is not None)


def heal(target: Target, plan: Plan) -> None:
    """Restart the victims with the true clock, one after the other; those that have it are left alone."""
    for name in plan["victims"]:
        able(target, Skewable, _WHAT).skew(name, 0)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to restart the victims with the true clock."""
    return [line for name in plan["victims"] for line in spelled(target, "skew", name, 0)]


def residue(target: Target) -> list[str]:
    """Name the nodes whose clock is wrong."""
    skewed = able(target, Skewable, _WHAT).skewed()
    return [f"the clock of {name} is {offset:+g} s off" for name, offset in sorted(skewed.items())]


def _off_by(target: Target, plan: Plan, name: str) -> float | None:
    """Compare a server's clock with ours, None when it does not answer."""
    node, asked = Node(name=name, component=plan["component"]), time.time()
    ran = target.run(node, ["psql", "-XAtqc", "select extract(epoch from clock_timestamp())"], timeout=ANSWER_S)
    return float(ran.out) - asked if ran.code == 0 else None
