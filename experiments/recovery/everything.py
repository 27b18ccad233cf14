"""Runbook for the day on which everything is down: bring it back in order, each tier when the one before serves."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from targets import where
from targets.abilities import Killable
from targets.target import Target, TargetError
from targets.waiting import until


def bring_back(order: Sequence[str], detect_within_s: float = 5.0) -> dict[str, Any]:
    """Wait until no node of `order`'s components runs, then start them, one component after the other.

    A component's nodes are started together, and serve before the next component's turn.  Returns when each tier
    served.  TargetError when something still runs, or when a node does not serve again.
    """
    target = where.target()
    if not isinstance(target, Killable):
        raise TargetError(f"target {target.address} cannot start nodes")
    # of a component whose nodes are gone by name, too, as those of a Deployment, all are started
    nodes = {component: [node.name for node in target.nodes(component)] or [component] for component in order}
    until(lambda: not _running(target, nodes.values()), detect_within_s, "everything to be down")
    detected_ns = started_ns = time.monotonic_ns()
    served: dict[str, float] = {}
    for component, names in nodes.items():
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(target.start, names))
        served[component] = round((time.monotonic_ns() - started_ns) / 1e9, 3)
    return {"detected_ns": detected_ns, "recovery_started_ns": started_ns, "served_after_s": served}


def _running(target: Target, nodes: Any) -> bool:
    return isinstance(target, Killable) and any(target.incarnation(name) for names in nodes for name in names)
