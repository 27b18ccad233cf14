"""What Chaos Mesh is asked for, and what it says of it: its objects as the API has them.

It tells packets by their addresses as they leave a pod, where a Service's still stands for those behind it: so the
addresses of the destinations' Services are named beside their pods.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from targets.pods import expiry, policies
from targets.pods.cluster import Cluster
from targets.pods.policies import CUT, MANAGED, OURS
from targets.pods.workloads import Pod
from targets.rules import Rule

VERSION, RESOURCE = "chaos-mesh.org/v1alpha1", "networkchaos"
HELPER = "podnetworkchaos"  # one for each pod: what is in force there, by whose order
ORDERS = ("tcs", "ipsets", "iptables")  # the lists of such orders
WAYS = {"there": "to", "back": "from"}
INJECTED = "AllInjected"


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


def services(cluster: Cluster, destinations: Collection[Pod]) -> list[str]:
    """List the addresses of the Services behind which one of these pods is."""
    found = set()
    for namespace in {pod.namespace for pod in destinations}:
        with cluster.asked(f"services of {namespace}"):
            every = json.loads(cluster.core.list_namespaced_service(namespace, _preload_content=False).data)["items"]
        behind = [pod.labels for pod in destinations if pod.namespace == namespace]
        found |= {each["spec"]["clusterIP"] for each in every if _leads_to(each["spec"], behind)}
    return sorted(found)


def _leads_to(service: Mapping[str, Any], behind: Iterable[Mapping[str, str]]) -> bool:
    wanted = (service.get("selector") or {}).items()
    address = service.get("clusterIP") not in (None, "", "None")  # a headless one has none
    return bool(wanted) and address and any(wanted <= labels.items() for labels in behind)


def left_of(cluster: Cluster, namespace: str, names: Collection[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Find the pods that are to do something for some of ours, and say what they are to do for others alone."""
    sources = {f"{namespace}/{name}" for name in names}
    for each in listed(cluster, "", "", HELPER):
        orders = {kind: given for kind in ORDERS if (given := each.get("spec", {}).get(kind))}
        others = {kind: [one for one in given if one["source"] not in sources] for kind, given in orders.items()}
        if others != orders:
            meta = each["metadata"]
            yield f"{path(meta['namespace'], HELPER)}/{meta['name']}", others


def in_force(found: Mapping[str, Any]) -> bool:
    """Tell whether all pods have it, by the controllers' word; they say nothing of a pod that was replaced since."""
    conditions: list[dict[str, str]] = found.get("status", {}).get("conditions", [])
    return any(each["type"] == INJECTED and each["status"] == "True" for each in conditions)


def said(found: Mapping[str, Any]) -> str:
    """Give the last of what Chaos Mesh said of each pod that went wrong; that it says nothing when it does."""
    records = found.get("status", {}).get("experiment", {}).get("containerRecords", [])
    last = [(each["id"], each["events"][-1]) for each in records if each.get("events")]
    wrong = [f"{who}: {event.get('message', '')}" for who, event in last if event["type"] == "Failed"]
    return "; ".join(wrong)[:500] or "Chaos Mesh says nothing of it; do its controller and daemons run?"


def listed(cluster: Cluster, namespace: str, label: str, resource: str = RESOURCE) -> list[dict[str, Any]]:
    """List those of a label in a namespace, or everywhere, as plain JSON."""
    asked = f"{path(namespace, resource)}?labelSelector={label}"
    found: list[dict[str, Any]] = cluster.plain("get", asked)["items"]
    return found


def path(namespace: str, resource: str = RESOURCE) -> str:
    """Say where the API has them."""
    return f"/apis/{VERSION}/" + (f"namespaces/{namespace}/" if namespace else "") + resource


def _side(pods: Iterable[Pod]) -> dict[str, Any]:
    """Name pods one by one: what bears the same labels later is no victim."""
    named: dict[str, list[str]] = {}
    for pod in pods:
        named.setdefault(pod.namespace, []).append(pod.name)
    return {"mode": "all", "selector": {"pods": named}}
