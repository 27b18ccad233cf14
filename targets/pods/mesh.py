"""Latency, which no NetworkPolicy can make: by Chaos Mesh where that is installed, with a NetworkChaos of ours.

Its own controllers put it in force on every pod it names, say when that is done, and undo it before the object goes.
One that never took hold it does not let go of, for it goes on trying: what it was to do is taken out of its hands then.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from shlex import quote

from targets.pods import netchaos, policies
from targets.pods.cluster import Cluster
from targets.pods.policies import CUT, MANAGED, OURS
from targets.pods.workloads import MERGE, Pod
from targets.rules import Rule
from targets.target import TargetError, TargetGone, Unable
from targets.waiting import until

INJECTED_WITHIN_S, BY_ITSELF_S, GONE_WITHIN_S, POLL_S = 10.0, 5.0, 30.0, 0.2


def installed(cluster: Cluster) -> bool:
    """Tell whether a cluster knows such objects."""
    return cluster.serves(netchaos.VERSION, netchaos.RESOURCE)


def check(cluster: Cluster, rule: Rule) -> None:
    """Raise Unable where there is no Chaos Mesh, and for whom it cannot name."""
    if not installed(cluster):
        raise Unable(
            "a NetworkPolicy cuts both ways and does nothing else: a delay cannot be had in this cluster without Chaos "
            "Mesh (chaos-mesh.org), which is not installed there"
        )
    if policies.EVERYBODY in (*rule.sources, *rule.destinations):
        raise Unable("a NetworkChaos delays what goes from pods to pods: name both sides")


def slow(
    cluster: Cluster, rule: Rule, sources: Collection[Pod], destinations: Collection[Pod], expires: datetime | None
) -> None:
    """Put a delay in force, and wait until all pods have it; again is the same as once. TargetError: who has not."""
    namespace = next(iter(sources)).namespace
    every = netchaos.written(rule, sources, destinations, netchaos.services(cluster, destinations), expires)
    with cluster.asked(f"{netchaos.RESOURCE} of {namespace}"):
        there = _named(cluster, namespace, rule.id)
        for one in every:
            if one["metadata"]["name"] not in there:
                cluster.plain("post", netchaos.path(namespace), one)
    what = f"context {cluster.context}: Chaos Mesh to slow {', '.join(pod.name for pod in sources)} down"
    until(partial(_are_in_force, cluster, namespace, rule.id, len(every)), INJECTED_WITHIN_S, what, POLL_S)


def slowed(cluster: Cluster, namespaces: Collection[str]) -> frozenset[str]:
    """List the ids of the rules for which there are such objects."""
    if not installed(cluster):
        return frozenset()
    return frozenset(
        each["metadata"]["labels"][CUT] for name in namespaces for each in netchaos.listed(cluster, name, CUT)
    )


def freed(cluster: Cluster, namespaces: Collection[str], rule_id: str) -> None:
    """Take a rule's delay away, and wait until no pod has it; nothing to do when it is not there."""
    if not installed(cluster):
        return
    for namespace in namespaces:
        gone(cluster, namespace, _named(cluster, namespace, rule_id))


def gone(cluster: Cluster, namespace: str, names: Collection[str]) -> None:
    """Delete some of them, and wait until Chaos Mesh has undone them and let go. TargetError, in its words, if not."""
    for name in names:
        with suppress(TargetGone), cluster.asked(f"{namespace}/{name}"):
            cluster.plain("delete", f"{netchaos.path(namespace)}/{name}")
    what = f"{netchaos.RESOURCE} {', '.join(names)} in {namespace} to go"
    condition = partial(_are_gone, cluster, namespace, names)
    try:
        until(condition, BY_ITSELF_S, what, POLL_S)
    except TargetError:
        for path, orders in netchaos.left_of(cluster, namespace, names):
            with suppress(TargetGone), cluster.asked(path):
                cluster.plain("patch", path, {"spec": orders}, kind=MERGE)
        until(condition, GONE_WITHIN_S, what, POLL_S)


def spelled(cluster: Cluster, namespaces: Iterable[str], rule_id: str) -> tuple[str, ...]:
    """Say with kubectl's words how to take a rule's delay away, and out of the hands of whoever cannot make it."""
    lines = []
    for namespace in namespaces:
        lines.append(cluster.kubectl(namespace, f"delete {netchaos.RESOURCE} --wait=false -l {CUT}={rule_id}"))
        names = _named(cluster, namespace, rule_id)
        for path, orders in netchaos.left_of(cluster, namespace, names):
            there, _, pod = path.partition("/namespaces/")[2].partition(f"/{netchaos.HELPER}/")
            words = f"patch {netchaos.HELPER} {pod} --type merge -p {quote(json.dumps({'spec': orders}))}"
            lines.append(cluster.kubectl(there, words))
    return tuple(lines)


def everywhere(cluster: Cluster) -> Iterable[tuple[str, str, Mapping[str, str]]]:
    """List ours in all namespaces: namespace, name, annotations."""
    for each in netchaos.listed(cluster, "", f"{MANAGED}={OURS},{CUT}") if installed(cluster) else ():
        yield each["metadata"]["namespace"], each["metadata"]["name"], each["metadata"].get("annotations", {})


def _named(cluster: Cluster, namespace: str, rule_id: str) -> list[str]:
    """Name the objects of a rule."""
    return [each["metadata"]["name"] for each in netchaos.listed(cluster, namespace, f"{CUT}={rule_id}")]


def _are_in_force(cluster: Cluster, namespace: str, rule_id: str, count: int) -> bool:
    """Tell whether all pods have all of it, by the controllers' word. TargetError: what they say of one without."""
    found = netchaos.listed(cluster, namespace, f"{CUT}={rule_id}")
    for each in found:
        if not netchaos.in_force(each):
            raise TargetError(netchaos.said(each))
    return len(found) == count


def _are_gone(cluster: Cluster, namespace: str, names: Collection[str]) -> bool:
    for each in netchaos.listed(cluster, namespace, f"{MANAGED}={OURS}"):
        if each["metadata"]["name"] in names:
            raise TargetError(netchaos.said(each))
    return True
