"""Who reaches whom: a rule, as a NetworkPolicy that names the pods by labels of ours.

A policy can only say who may: so it lets everybody reach the destinations but the sources, by their labels and by
their addresses. Probes of the kubelet pass policies, so a pod that is cut off stays Ready. A new pod bears no label.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from targets.pods import expiry
from targets.pods.cluster import Cluster
from targets.pods.workloads import MARKED, Pod, over
from targets.rules import Rule
from targets.target import TargetGone, Unable

MANAGED = "app.kubernetes.io/managed-by"
OURS = "drillyard"
CUT = "drillyard/cut"
FROM, TO = "from", "to"
EVERYBODY = "*"
RULES = (f"{OURS}/partition-", f"{OURS}/dns-")  # how the labels begin that rules of faults put on pods
NAME_PORTS = (53, 5353)  # where name servers listen, and where some distributions' pods do behind a Service


def label(rule_id: str) -> str:
    """Name the label that a rule's pods bear."""
    return f"drillyard/{rule_id}"


def name(rule_id: str) -> str:
    """Name a rule's policy."""
    return f"drillyard-{rule_id}".lower()


def check(rule: Rule) -> None:
    """Raise Unable for what no NetworkPolicy can do."""
    if rule.mode not in ("drop", "discard") or rule.direction != "both":
        what = rule.mode if rule.direction == "both" else f"{rule.mode} of one direction"
        raise Unable(f"a NetworkPolicy cuts both ways and does nothing else: {what} cannot be had in this cluster")
    if EVERYBODY in rule.destinations:
        raise Unable("a NetworkPolicy has to be told whom to protect: name the destinations")


def written(rule: Rule, sources: Collection[Pod], expires: datetime | None = None) -> dict[str, Any]:
    """Write the policy that keeps a rule."""
    besides = {"key": label(rule.id), "operator": "NotIn", "values": [FROM]}
    addresses = [f"{pod.address}/32" for pod in sources if pod.address]
    others = [
        {"namespaceSelector": {}, "podSelector": {"matchExpressions": [besides]}},
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": addresses}},
    ]
    protects = {
        "podSelector": {"matchLabels": {label(rule.id): TO}},
        "policyTypes": ["Ingress"],
        "ingress": [] if EVERYBODY in rule.sources else [{"from": others}],
    }
    return _policy(rule.id, "partition", protects, expires)


def nameless(rule_id: str, expires: datetime | None = None) -> dict[str, Any]:
    """Write the policy under which the pods that bear a rule's label reach everything but name servers."""
    around = zip([1, *(port + 1 for port in NAME_PORTS)], [*(port - 1 for port in NAME_PORTS), 65535], strict=True)
    ports = [{"protocol": each, "port": a, "endPort": b} for a, b in around for each in ("TCP", "UDP", "SCTP")]
    confines = {
        "podSelector": {"matchLabels": {label(rule_id): FROM}},
        "policyTypes": ["Egress"],
        "egress": [{"ports": ports}],
    }
    return _policy(rule_id, "dns", confines, expires)


def _policy(rule_id: str, kind: str, spec: Mapping[str, Any], expires: datetime | None) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name(rule_id),
            "labels": {MANAGED: OURS, CUT: rule_id, "chaos-type": kind},
            "annotations": expiry.said(expires) if expires else {},
        },
        "spec": spec,
    }


def cut(
    cluster: Cluster,
    rule: Rule,
    sources: Collection[Pod],
    destinations: Collection[Pod],
    expires: datetime | None = None,
) -> None:
    """Put a rule in force; again is the same as once. Labels come first: then it holds as soon as it is there."""
    for side, pods in ((FROM, sources), (TO, destinations)):
        _named(cluster, rule.id, side, pods, expires)
    (namespace,) = {pod.namespace for pod in destinations}
    _put(cluster, namespace, rule.id, written(rule, sources, expires))


def take_names(cluster: Cluster, rule_id: str, pods: Collection[Pod], expires: datetime | None = None) -> None:
    """Let these pods reach no name server any more; again is the same as once."""
    _named(cluster, rule_id, FROM, pods, expires)
    for namespace in sorted({pod.namespace for pod in pods}):
        _put(cluster, namespace, rule_id, nameless(rule_id, expires))


def uncut(cluster: Cluster, namespaces: Collection[str], rule_id: str, pods: Collection[Pod]) -> None:
    """Take a rule and its labels away; nothing to do when it is not there."""
    for namespace in namespaces:
        with cluster.asked(f"networkpolicies of {namespace}"):
            cluster.networking.delete_collection_namespaced_network_policy(namespace, label_selector=f"{CUT}={rule_id}")
    for pod in pods:
        if label(rule_id) in pod.labels:
            others = [key for key in pod.labels if key.startswith(RULES) and key != label(rule_id)]
            last = {} if others else {MARKED: None}
            _mark(cluster, pod, {label(rule_id): None, **last}, {} if others else over(pod, MARKED))


def cuts(cluster: Cluster, namespaces: Collection[str]) -> frozenset[str]:
    """List the ids of the rules in force."""
    found = set()
    for namespace in namespaces:
        with cluster.asked(f"networkpolicies of {namespace}"):
            listed = cluster.networking.list_namespaced_network_policy(namespace, label_selector=CUT).items
        found |= {each.metadata.labels[CUT] for each in listed}
    return frozenset(found)


def _named(cluster: Cluster, rule_id: str, side: str, pods: Collection[Pod], expires: datetime | None) -> None:
    for pod in pods:
        _mark(cluster, pod, {label(rule_id): side, MARKED: "true"}, expiry.later(expires, pod.annotations))


def _put(cluster: Cluster, namespace: str, rule_id: str, policy: Mapping[str, Any]) -> None:
    with cluster.asked(f"networkpolicies of {namespace}"):
        found = cluster.networking.list_namespaced_network_policy(namespace, label_selector=f"{CUT}={rule_id}").items
        if not found:
            cluster.networking.create_namespaced_network_policy(namespace, policy)


def _mark(cluster: Cluster, pod: Pod, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]) -> None:
    metadata = {"labels": dict(labels), "annotations": dict(annotations)}
    try:
        with cluster.asked(f"{pod.namespace}/{pod.name}"):
            cluster.core.patch_namespaced_pod(pod.name, pod.namespace, {"metadata": metadata})
    except TargetGone:
        return  # and with it whatever it bore
