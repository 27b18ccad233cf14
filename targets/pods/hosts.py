"""The cluster's nodes, on which the pods run: closed to new pods and emptied, as an administrator does before work.

Only pods of the target's own are evicted.  A host that we closed bears a label by which anybody can open it again.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from kubernetes.client.exceptions import ApiException

from targets import blow
from targets.pods import expiry, rights
from targets.pods.cluster import Cluster
from targets.pods.policies import OURS
from targets.pods.releases import Releases
from targets.pods.workloads import MERGE, Pod
from targets.target import TargetError, TargetGone, Unable, VictimGone
from targets.waiting import until

CLOSED = f"{OURS}/closed"
OWN = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
LEAVE_WITHIN_S = 120.0
POLL_S = 0.2
_BUDGET = 429  # too many requests: an eviction that a disruption budget does not allow yet


class Hosts(Releases):
    """The hosts that the nodes are on, which can be emptied."""

    def hosts(self) -> Mapping[str, str]:
        """Map each pod that is placed to its host."""
        return {self.named(pod): pod.host for pods in self.everywhere().values() for pod in pods if pod.host}

    def drainable(self, hosts: Collection[str]) -> None:
        """Raise Unable for hosts that are not ours to close, and without the right to."""
        self.permitted(self._namespaces(), rights.DRAIN)
        drainable(self.cluster, hosts)

    def drain(self, host: str, nodes: Collection[str]) -> None:
        """Close a host and have those of the nodes that are there leave it, as their budgets allow."""
        close(self.cluster, host, self.expires_at)
        until(lambda: self._have_left(host, nodes), LEAVE_WITHIN_S, f"{', '.join(nodes)} to leave {host}", POLL_S)

    def reopen(self, host: str) -> None:
        """Open a host that we closed; nothing to do for others."""
        reopen(self.cluster, host)

    def closed(self) -> frozenset[str]:
        """Name the hosts that we closed."""
        return frozenset(closed(self.cluster))

    def _have_left(self, host: str, nodes: Collection[str]) -> bool:
        """Evict whoever is there still, and tell whether nobody is."""
        every = [pod for pods in self.everywhere().values() for pod in pods]
        there = [pod for pod in every if pod.host == host and self.named(pod) in nodes]
        for pod in there:
            if not pod.leaving:
                with blow.dealt():
                    evicted(self.cluster, pod)
        return not there


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
