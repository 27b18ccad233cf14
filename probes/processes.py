"""Probes of what runs, whether or not it serves."""

from targets.abilities import Killable
from targets.target import BadInput
from targets.waiting import until
from targets.where import target


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
