"""The lab on a kind cluster of this machine's Docker engine: `kind:CLUSTER/NAMESPACE`."""

import os
from collections.abc import Callable
from contextlib import suppress

from targets import where
from targets.boxes import engine, image, marked
from targets.boxes.keeper import Keeper
from targets.pods import clusters, kindlab, lab, plane, power
from targets.pods import sweep as sweeping
from targets.pods.kindlab import DOWN_S, KindTarget
from targets.pods.target import POLL_S
from targets.target import BadInput, DrillyardError, TargetError, TargetGone, Unable
from targets.waiting import until

UP_S = 180.0


def create(*, on_progress: Callable[[str], None] | None = None) -> KindTarget:
    """Make a cluster, or take the one that --kind-cluster names, and start a lab there that this process owns.

    Returns when everything is ready. BadInput without kind or an engine; TargetError names the node that is not ready.
    """
    say = on_progress or (lambda _text: None)
    _check()
    clear_abandoned()
    own = os.environ.get(where.KIND_CLUSTER)
    if own and own not in clusters.names():
        raise BadInput(
            f"--kind-cluster {own}: kind has no such cluster; it has {', '.join(clusters.names()) or 'none'}"
        )
    built, name, namespace = image.find(os.environ.get(where.IMAGE), say), own or marked.new(), lab.new_name()
    keeper = Keeper(f"kind:{name}/{namespace}")
    try:
        if not own:
            say("making a cluster of three nodes")
            clusters.create(name)
        say("bringing the lab's image to its nodes")
        clusters.load(name, built)
        say("starting the pods")
        cluster = clusters.find(name)
        lab.apply(cluster, namespace, built)
        target = KindTarget(name, cluster, namespace, keeper)
        from targets.lab.ready import wait_until_ready  # noqa: PLC0415  the servers' clients, while the servers start

        wait_until_ready(target.doors, target, say, UP_S)
        target.await_ready(UP_S)
        # a pod is ready before the cluster's network leads to it
        until(lambda: _answers(target), UP_S, "every server to answer at its own door", POLL_S)
    except BaseException:
        keeper.let_go(DOWN_S)
        raise
    return target


def _answers(target: KindTarget) -> bool:
    return all(node.role for component in ("postgres", "redis") for node in target.nodes(component))


def attach(address: str) -> KindTarget:
    """Open a lab that is up, in any process. TargetGone when it is not there, BadInput for another address."""
    name, namespace = _parts(address)
    cluster = clusters.find(name)
    try:
        there = lab.is_there(cluster, namespace)
    except TargetGone:
        raise
    except TargetError:
        if not plane.is_away(name):
            raise
        there = True  # as it was when somebody took the control plane away, which can be undone
    if not there:
        raise TargetGone(f"{address}: no lab is up there")
    return KindTarget(name, cluster, namespace)


def running() -> tuple[str, ...]:
    """List the addresses of the labs on the clusters of this engine; none where there is no kind."""
    found: list[str] = []
    with suppress(DrillyardError):
        for name in clusters.names():
            with suppress(DrillyardError):
                found += [f"kind:{name}/{namespace}" for namespace in lab.of(clusters.find(name))]
    return tuple(found)


def sweep(address: str) -> tuple[str, ...]:
    """Put back everything of ours in the cluster, by its labels alone, and start its hosts; names what was there."""
    name, _ = _parts(address)
    cluster, off = clusters.find(name), sorted(power.off(name))
    away = plane.host(name) not in off and plane.is_away(name)
    if away:
        plane.bring_back(cluster, name)
    for host in off:
        power.switch_on(cluster, name, host)
    found = ["the control plane: away"] if away else []
    return (*found, *(f"host {host}: off" for host in off), *sweeping.sweep(cluster))


def down(address: str) -> None:
    """Take a lab away, whoever owns it; nothing to do when it is not there."""
    kindlab.down(*_parts(address))


def clear_abandoned() -> None:
    """Take away the clusters that dead owners on this machine left; others are never touched."""
    clusters.clear_up()
    with suppress(TargetError):
        for name in clusters.ours():
            if marked.is_abandoned(name):
                clusters.delete(name)


def _check() -> None:
    try:
        engine.client()
    except Unable as lacks:
        raise BadInput(str(lacks)) from lacks
    clusters.check()


def _parts(address: str) -> tuple[str, str]:
    scheme, _, rest = address.partition(":")
    name, _, namespace = rest.partition("/")
    if scheme != "kind" or not name or not namespace:
        raise BadInput(
            f"--target {address}: a running lab is named kind:CLUSTER/NAMESPACE; `python -m targets list` shows them"
        )
    return name, namespace
