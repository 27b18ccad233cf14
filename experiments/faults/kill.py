"""Kill nodes as `kill -9` and a lost pod do; with a grace, as an orderly shutdown does.

What comes back by itself is the system's own doing.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from experiments.faults import Plan, able, chosen_nodes, spelled
from targets.abilities import Killable
from targets.target import BadInput, Target, TargetError, TargetGone
from targets.telling import Restarting
from targets.workloads import Contained

KIND = "kill"
WITHIN = "kill a node's container without the node"
MOST_GRACE_S = 60
RESTARTED_WITHIN_S = 3.0
LOOK_S = 0.05


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
    grace_s: float = 0,
    for_good: bool = False,
    contained: bool = False,
) -> dict[str, Any]:
    """Name the running instances of the chosen nodes; they are killed together.

    `grace_s`: ask them to end, and SIGKILL those that still run after so many seconds; 0 asks nobody.  `for_good`:
    nobody restarts them until a runbook or the stop starts them, as when their hosts are lost with them.  `contained`:
    only their containers are killed, to be started again where they are; clusters only.
    """
    if not 0 <= grace_s <= MOST_GRACE_S:
        raise BadInput(f"kill: grace_s={grace_s}; use 0 to {MOST_GRACE_S} seconds")
    if contained and (for_good or grace_s):
        raise BadInput("kill: contained=true has neither a grace nor for_good: the container is started again at once")
    killable = able(target, Killable, "kill nodes")
    if contained:
        able(target, Contained, WITHIN)
    nodes = chosen_nodes(target, component, role, zone, count)
    running = {node.name: killable.incarnation(node.name) for node in nodes}
    tiers: dict[str, list[str]] = {}
    for node in nodes:
        if running[node.name]:
            tiers.setdefault(node.component, []).append(node.name)
    return {
        "victims": [name for name, instance in running.items() if instance],
        "instances": {name: instance for name, instance in running.items() if instance},
        "grace_s": grace_s,
        "for_good": for_good,
        "contained": contained,
        "tiers": list(tiers.values()),
        "undo": "start the killed nodes again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Kill all victims at once."""
    killable = able(target, Killable, "kill nodes")
    if plan.get("contained"):
        kill: Callable[[str, str], None] = able(target, Contained, WITHIN).end_container
    else:
        kill = partial(killable.kill, grace_s=plan["grace_s"], for_good=plan["for_good"])
    with ThreadPoolExecutor(len(plan["instances"])) as pool:
        for each in [pool.submit(kill, *one) for one in plan["instances"].items()]:
            each.result()


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether a victim is down; False while any of them still runs unharmed, None once all are back."""
    killable = able(target, Killable, "kill nodes")
    now = {name: killable.incarnation(name) for name in plan["victims"]}
    if any(now[name] == instance for name, instance in plan["instances"].items()):
        return False
    return True if None in now.values() else None


def heal(target: Target, plan: Plan) -> None:
    """Start every victim that does not run: each component's together, the components in the order they were named.

    Within a component some wait for one another; and Sentinels that are up before Redis would replace its master.
    """
    killable = able(target, Killable, "kill nodes")
    errors = []
    for tier in plan["tiers"]:
        with ThreadPoolExecutor(len(tier)) as pool:
            started = [pool.submit(killable.start, name) for name in tier]
        errors += [error for each in started if (error := each.exception())]
    if any(isinstance(error, TargetGone) for error in errors):
        raise TargetGone(f"{target.address} does not exist any more")
    if errors:
        raise TargetError("; ".join(map(str, errors)))


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to start the victims."""
    return [line for tier in plan["tiers"] for name in tier for line in spelled(target, "start", name)]


def residue(target: Target) -> list[str]:
    """Name the nodes that should run and do not, nor do within 3 s: they may be restarted.

    Where somebody restarts them in his own time, only those that he will not start.
    """
    killable = able(target, Killable, "kill nodes")
    look = target.kept_down if isinstance(target, Restarting) else killable.down
    ends = time.monotonic() + RESTARTED_WITHIN_S
    while (down := look()) and time.monotonic() < ends:
        time.sleep(LOOK_S)
    return [f"{name} does not run" for name in down]
