"""Latency, which no NetworkPolicy can make: by Chaos Mesh where that is installed, with a NetworkChaos of ours.

Its own controllers put it in force on every pod it names, say when that is done, and undo it before the object goes.
One that never took hold it does not let go of, for it goes on trying: what it was to do is taken out of its hands then.
It tells packets by their addresses as they leave a pod, where a Service's still stands for those behind it: so the
addresses of the destinations' Services are named beside their pods.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from shlex import quote
from typing import Any

from targets.pods import expiry, policies
from targets.pods.cluster import Cluster
from targets.pods.policies import CUT, MANAGED, OURS
from targets.pods.workloads import MERGE, Pod
from targets.rules import Rule
from targets.target import TargetError, TargetGone, Unable
from targets.waiting import until

VERSION, RESOURCE = "chaos-mesh.org/v1alpha1", "networkchaos"
INJECTED = "AllInjected"
WAYS = {"there": "to", "back": "from"}
HELPER = "podnetworkchaos"  # one for each pod: what is in force there, by whose order
ORDERS = ("tcs", "ipsets", "iptables")  # the lists of such orders
INJECTED_WITHIN_S, BY_ITSELF_S, GONE_WITHIN_S, POLL_S = 10.0, 5.0, 30.0, 0.2


def installed(cluster: Cluster) -> bool:
    """Tell whether a cluster knows such objects."""
    return cluster.serves(VERSION, RESOURCE)


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
    every = written(rule, sources, destinations, _services(cluster, destinations), expires)
    with cluster.asked(f"{RESOURCE} of {namespace}"):
        there = {each["metadata"]["name"] for each in _listed(cluster, namespace, f"{CUT}={rule.id}")}
        for one in every:
            if one["metadata"]["name"] not in there:
                cluster.plain("post", _path(namespace), one)
    what = f"context {cluster.context}: Chaos Mesh to slow {', '.join(pod.name for pod in sources)} down"
    until(partial(_are_in_force, cluster, namespace, rule.id, len(every)), INJECTED_WITHIN_S, what, POLL_S)


def written(
    rule: Rule,
    sources: Iterable[Pod],
    destinations: Iterable[Pod],
    addresses: Iterable[str],
    expires: datetime | None,
) -> list[dict[str, Any]]:
    """Write the objects that delay the ways of a rule, one each; they end by themselves, too, when it is time."""
    common: dict[str, Any] = {
        "action": "delay",
        "delay": {"latency": f"{round(rule.seconds * 1e6)}us"},
        **_side(sources),
        "target": _side(destinations),
    }
    if expires:
        common["duration"] = f"{max(1, round((expires - datetime.now(UTC)).total_seconds()))}s"
    services = {"externalTargets": [f"{address}/32" for address in addresses]}
    return [
        {
            "apiVersion": VERSION,
            "kind": "NetworkChaos",
            "metadata": {
                "name": f"{policies.name(rule.id)}-{way}",
                "labels": {MANAGED: OURS, CUT: rule.id, "chaos-type": "delay"},
                "annotations": expiry.said(expires) if expires else {},
            },
            # packets go to a Service's address; answers come from its pods'
            "spec": {**common, "direction": direction, **(services if way == "there" else {})},
        }
        for way, direction in WAYS.items()
        if rule.direction in (way, "both")
    ]


def slowed(cluster: Cluster, namespaces: Collection[str]) -> frozenset[str]:
    """List the ids of the rules for which there are such objects."""
    if not installed(cluster):
        return frozenset()
    return frozenset(each["metadata"]["labels"][CUT] for name in namespaces for each in _listed(cluster, name, CUT))


def freed(cluster: Cluster, namespaces: Collection[str], rule_id: str) -> None:
    """Take a rule's delay away, and wait until no pod has it; nothing to do when it is not there."""
    if not installed(cluster):
        return
    for namespace in namespaces:
        gone(cluster, namespace, [each["metadata"]["name"] for each in _listed(cluster, namespace, f"{CUT}={rule_id}")])


def gone(cluster: Cluster, namespace: str, names: Collection[str]) -> None:
    """Delete some of them, and wait until Chaos Mesh has undone them and let go. TargetError, in its words, if not."""
    for name in names:
        with suppress(TargetGone), cluster.asked(f"{namespace}/{name}"):
            cluster.plain("delete", f"{_path(namespace)}/{name}")
    what = f"{RESOURCE} {', '.join(names)} in {namespace} to go"
    condition = partial(_are_gone, cluster, namespace, names)
    try:
        until(condition, BY_ITSELF_S, what, POLL_S)
    except TargetError:
        for path, orders in _left_of(cluster, namespace, names):
            with suppress(TargetGone), cluster.asked(path):
                cluster.plain("patch", path, {"spec": orders}, kind=MERGE)
        until(condition, GONE_WITHIN_S, what, POLL_S)


def spelled(cluster: Cluster, namespaces: Iterable[str], rule_id: str) -> tuple[str, ...]:
    """Say with kubectl's words how to take a rule's delay away, and out of the hands of whoever cannot make it."""
    lines = []
    for namespace in namespaces:
        lines.append(cluster.kubectl(namespace, f"delete {RESOURCE} --wait=false -l {CUT}={rule_id}"))
        names = [each["metadata"]["name"] for each in _listed(cluster, namespace, f"{CUT}={rule_id}")]
        for path, orders in _left_of(cluster, namespace, names):
            there, _, pod = path.partition("/namespaces/")[2].partition(f"/{HELPER}/")
            words = f"patch {HELPER} {pod} --type merge -p {quote(json.dumps({'spec': orders}))}"
            lines.append(cluster.kubectl(there, words))
    return tuple(lines)


def everywhere(cluster: Cluster) -> Iterable[tuple[str, str, Mapping[str, str]]]:
    """List ours in all namespaces: namespace, name, annotations."""
    for each in _listed(cluster, "", f"{MANAGED}={OURS},{CUT}") if installed(cluster) else ():
        yield each["metadata"]["namespace"], each["metadata"]["name"], each["metadata"].get("annotations", {})


def _side(pods: Iterable[Pod]) -> dict[str, Any]:
    """Name pods one by one: what bears the same labels later is no victim."""
    named: dict[str, list[str]] = {}
    for pod in pods:
        named.setdefault(pod.namespace, []).append(pod.name)
    return {"mode": "all", "selector": {"pods": named}}


def _services(cluster: Cluster, destinations: Iterable[Pod]) -> list[str]:
    """List the addresses of the Services behind which one of these pods is."""
    found = set()
    for namespace in {pod.namespace for pod in destinations}:
        with cluster.asked(f"services of {namespace}"):
            listed = json.loads(cluster.core.list_namespaced_service(namespace, _preload_content=False).data)["items"]
        behind = [pod.labels for pod in destinations if pod.namespace == namespace]
        found |= {each["spec"]["clusterIP"] for each in listed if _leads_to(each["spec"], behind)}
    return sorted(found)


def _leads_to(service: Mapping[str, Any], behind: Iterable[Mapping[str, str]]) -> bool:
    wanted = (service.get("selector") or {}).items()
    address = service.get("clusterIP") not in (None, "", "None")  # a headless one has none
    return bool(wanted) and address and any(wanted <= labels.items() for labels in behind)


def _are_in_force(cluster: Cluster, namespace: str, rule_id: str, count: int) -> bool:
    """Tell whether all pods have all of it, by the controllers' word. TargetError: what they say of one without."""
    found = _listed(cluster, namespace, f"{CUT}={rule_id}")
    for each in found:
        if not any(one["type"] == INJECTED and one["status"] == "True" for one in _conditions(each)):
            raise TargetError(_said(each))
    return len(found) == count


def _are_gone(cluster: Cluster, namespace: str, names: Collection[str]) -> bool:
    for each in _listed(cluster, namespace, f"{MANAGED}={OURS}"):
        if each["metadata"]["name"] in names:
            raise TargetError(_said(each))
    return True


def _left_of(cluster: Cluster, namespace: str, names: Collection[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Find the pods that are to do something for some of ours, and say what they are to do for others alone."""
    sources = {f"{namespace}/{name}" for name in names}
    for each in _listed(cluster, "", "", HELPER):
        orders = {kind: listed for kind in ORDERS if (listed := each.get("spec", {}).get(kind))}
        others = {kind: [one for one in listed if one["source"] not in sources] for kind, listed in orders.items()}
        if others != orders:
            meta = each["metadata"]
            yield f"{_path(meta['namespace'], HELPER)}/{meta['name']}", others


def _conditions(found: Mapping[str, Any]) -> list[dict[str, str]]:
    listed: list[dict[str, str]] = found.get("status", {}).get("conditions", [])
    return listed


def _said(found: Mapping[str, Any]) -> str:
    """Give the last of what Chaos Mesh said of each pod that went wrong; that it says nothing when it does."""
    records = found.get("status", {}).get("experiment", {}).get("containerRecords", [])
    last = [(each["id"], each["events"][-1]) for each in records if each.get("events")]
    wrong = [f"{who}: {event.get('message', '')}" for who, event in last if event["type"] == "Failed"]
    return "; ".join(wrong)[:500] or "Chaos Mesh says nothing of it; do its controller and daemons run?"


def _listed(cluster: Cluster, namespace: str, label: str, resource: str = RESOURCE) -> list[dict[str, Any]]:
    asked = f"{_path(namespace, resource)}?labelSelector={label}"
    found: list[dict[str, Any]] = cluster.plain("get", asked)["items"]
    return found


def _path(namespace: str, resource: str = RESOURCE) -> str:
    return f"/apis/{VERSION}/" + (f"namespaces/{namespace}/" if namespace else "") + resource
