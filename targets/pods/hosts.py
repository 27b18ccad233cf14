"""The cluster's nodes, on which the pods run: closed to new pods and emptied, as an administrator does before work.

Only pods of the target's own are evicted.  A host that we closed bears a label by which anybody can open it again.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from kubernetes.client.exceptions import ApiException

from targets.pods import expiry
from targets.pods.cluster import Cluster
from targets.pods.policies import OURS
from targets.pods.workloads import MERGE, Pod
from targets.target import TargetError, TargetGone, Unable, VictimGone

CLOSED = f"{OURS}/closed"
OWN = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_BUDGET = 429  # too many requests: an eviction that a disruption budget does not allow yet


def drainable(cluster: Cluster, hosts: Collection[str]) -> None:
    """Raise Unable for the control plane's hosts, and for those that somebody else has closed."""
    for host in sorted(hosts):
        found = _read(cluster, host)
        if set(OWN) & set(_labels(found)):
            raise Unable(f"context {cluster.context}: {host} is the control plane's: it is not drained")
        if _is_closed(found) and CLOSED not in _labels(found):
            raise Unable(f"context {cluster.context}: somebody else has closed {host} (kubectl uncordon opens it)")


def close(cluster: Cluster, host: str, expires: datetime | None) -> None:
    """Let nothing new come to a host, and say on it that it was us."""
    said = {"labels": {CLOSED: "true"}, "annotations": expiry.said(expires)}
    _patch(cluster, host, {"metadata": said, "spec": {"unschedulable": True}})


def reopen(cluster: Cluster, host: str) -> None:
    """Open a host that we closed; nothing to do for others, or for one that is gone."""
    with suppress(TargetGone):
        if CLOSED in _labels(_read(cluster, host)):
            said = {"labels": {CLOSED: None}, "annotations": expiry.said(None)}
            _patch(cluster, host, {"metadata": said, "spec": {"unschedulable": None}})


def closed(cluster: Cluster) -> dict[str, Mapping[str, str]]:
    """Name the hosts that we closed, each with its annotations."""
    with cluster.asked("nodes"):
        listed = json.loads(cluster.core.list_node(label_selector=CLOSED, _preload_content=False).data)["items"]
    return {each["metadata"]["name"]: each["metadata"].get("annotations", {}) for each in listed}


def evicted(cluster: Cluster, pod: Pod) -> bool:
    """Ask that very pod to leave; False while a disruption budget does not allow it."""
    name, namespace = pod.name, pod.namespace
    body = {"metadata": {"name": name, "namespace": namespace}, "deleteOptions": {"preconditions": {"uid": pod.uid}}}
    try:
        with suppress(TargetGone, VictimGone), cluster.asked(f"the eviction of {namespace}/{name}"):
            cluster.core.create_namespaced_pod_eviction(name, namespace, body, _preload_content=False)
    except TargetError as error:
        if isinstance(error.__cause__, ApiException) and error.__cause__.status == _BUDGET:
            return False
        raise
    return True


def spelled(host: str) -> tuple[str, str]:
    """Say with kubectl's words how to open it."""
    return f"uncordon {host}", f"label node {host} {CLOSED}-"


def _is_closed(found: Mapping[str, Any]) -> bool:
    return bool(found["spec"].get("unschedulable"))


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    labels: Mapping[str, str] = found["metadata"].get("labels", {})
    return labels


def _read(cluster: Cluster, host: str) -> dict[str, Any]:
    with cluster.asked(f"node {host}"):
        found: dict[str, Any] = json.loads(cluster.core.read_node(host, _preload_content=False).data)
    return found


def _patch(cluster: Cluster, host: str, body: Mapping[str, Any]) -> None:
    with cluster.asked(f"node {host}"):
        cluster.core.patch_node(host, body, _content_type=MERGE)
