"""Runbooks for a cluster's workloads: pods of a dead host given up, a component moved, restarted, or unblocked."""

import time
from typing import Any

from targets import where
from targets.target import TargetError, Unable
from targets.waiting import until
from targets.workloads import Remediable

DEAD_WITHIN_S = 90.0  # a cluster calls a host dead after 40 to 50 s
SERVES_WITHIN_S = 120.0
POLL_S = 0.2


def give_up_hosts(
    component: str, detect_within_s: float = DEAD_WITHIN_S, serves_within_s: float = SERVES_WITHIN_S
) -> dict[str, Any]:
    """Wait until a host with pods of the component is not heard of any more, then delete these by force.

    Its workloads replace them elsewhere; left alone they would after five minutes.  Returns names and moments, once
    it has all its pods.  TargetError when no such host is dead, or when they are not replaced.
    """
    target = _target()
    what = f"a host of {component} to be dead"
    dead = until(lambda: target.unheard() & _hosts(target, component), detect_within_s, what, POLL_S)
    detected_ns = time.monotonic_ns()
    where.check_may_act()
    forsaken = target.forsake(component, dead)
    until(lambda: target.has_all(component), serves_within_s, f"{component} to have all its pods elsewhere", POLL_S)
    return {
        "hosts": sorted(dead),
        "deleted": list(forsaken),
        "detected_ns": detected_ns,
        "recovery_started_ns": detected_ns,
    }


def leave_zone(component: str, zone: str, serves_within_s: float = SERVES_WITHIN_S) -> dict[str, Any]:
    """Move a component's pods from a zone to others, as `kubectl drain` and then `uncordon` of its hosts would.

    Returns names and moments, once the component has all its pods elsewhere.  TargetError when it has none there, or
    finds no room elsewhere; Unable for hosts that are not drained.  The hosts are open again in any case.
    """
    started_ns = time.monotonic_ns()
    target = _target()
    hosts = _hosts(target, component, zone)
    if not hosts:
        raise TargetError(
            f"no pod of {component} is in zone {zone!r}; `kubectl get nodes -L topology.kubernetes.io/zone` lists them"
        )
    target.drainable(hosts)
    already = target.closed()
    where.check_may_act()
    try:
        for host in sorted(hosts):
            target.drain(host, [name for name in _named(component) if target.hosts().get(name) == host])
        until(lambda: target.has_all(component), serves_within_s, f"{component} to have all its pods elsewhere", POLL_S)
    finally:
        for host in hosts - already:
            target.reopen(host)
    return {"hosts": sorted(hosts), "detected_ns": started_ns, "recovery_started_ns": started_ns}


def restart(component: str) -> dict[str, Any]:
    """Replace all pods of a component in its workloads' own order, as `kubectl rollout restart` does.

    For what goes on with what it knew when it started: a Secret's old values, addresses.  Returns moments, once all
    new ones serve.  The template keeps the annotation, as it does of kubectl's.
    """
    started_ns = time.monotonic_ns()
    target = _target()
    where.check_may_act()
    target.restart(component)
    return {"restarted": component, "detected_ns": started_ns, "recovery_started_ns": started_ns}


def unblock(component: str, detect_within_s: float = 10.0) -> dict[str, Any]:
    """Wait until a policy of a drill names pods of the component, then delete it.

    Of others' policies none is touched.  Returns names and moments.  TargetError when there is none.
    """
    target = _target()
    what = f"a policy that concerns {component}"
    found = until(lambda: target.blocking(component), detect_within_s, what, POLL_S)
    detected_ns = time.monotonic_ns()
    where.check_may_act()
    target.unblock(component, found)
    return {"policies": list(found), "detected_ns": detected_ns, "recovery_started_ns": detected_ns}


def _hosts(target: Remediable, component: str, zone: str | None = None) -> frozenset[str]:
    named = _named(component, zone)
    return frozenset(host for node, host in target.hosts().items() if node in named)


def _named(component: str, zone: str | None = None) -> frozenset[str]:
    return frozenset(node.name for node in where.target().nodes(component) if zone in (None, node.zone))


def _target() -> Remediable:
    target = where.target()
    if not isinstance(target, Remediable):
        raise Unable(f"target {target.address} has no workloads of a cluster")
    return target
