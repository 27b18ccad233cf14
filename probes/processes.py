"""Probes of what runs, whether or not it serves."""

import time

from targets.abilities import Killable
from targets.target import BadInput, TargetError
from targets.waiting import until
from targets.where import target

LOOK_S = 0.2


def running(component: str) -> int:
    """Count the component's nodes that run now.

    To be trusted for what it says: the target sees the process (a node that hangs runs, too); whether it serves is
    for the other probes.
    """
    found = target()
    if not isinstance(found, Killable):
        raise BadInput(f"the target {found.address} cannot tell what runs; use a probe that asks the service")
    return sum(found.incarnation(node.name) is not None for node in found.nodes(component))


def await_running(component: str, count: int, timeout_s: float) -> int:
    """Wait until `count` nodes run and say how many do; TargetError after `timeout_s` seconds."""
    return until(
        lambda: seen if (seen := running(component)) >= count else None,
        timeout_s,
        f"{component}: {count} running nodes",
    )


def hold_at(component: str, count: int, seconds: float) -> int:
    """See for `seconds` that neither more nor fewer than `count` nodes run, and give that number.

    For what must not come back by itself.  TargetError as soon as it is another number.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if (seen := running(component)) != count:
            raise TargetError(f"{component}: {seen} nodes run, not {count}")
        time.sleep(LOOK_S)
    return count
