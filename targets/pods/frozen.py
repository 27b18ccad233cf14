"""Pods whose processes are stopped say so: whoever cannot wake them can have them replaced."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from targets.pods import expiry, workloads
from targets.pods.cluster import Cluster
from targets.pods.workloads import FROZEN, MERGE, Pod, over
from targets.target import TargetGone, VictimGone


def mark(cluster: Cluster, pod: Pod, expires: datetime | None) -> None:
    """Have it say that it is, before it is."""
    _patch(cluster, pod, {"labels": {FROZEN: "true"}, "annotations": expiry.later(expires, pod.annotations)})


def unmark(cluster: Cluster, pod: Pod) -> None:
    """Have it say so no more; nothing to do when it does not, or is gone."""
    if FROZEN in pod.labels:
        with suppress(TargetGone):
            _patch(cluster, pod, {"labels": {FROZEN: None}, "annotations": over(pod, FROZEN)})


def taken_away(cluster: Cluster, namespace: str, name: str, uid: str) -> None:
    """Delete that very pod; its workload replaces it. Nothing to do when it is gone."""
    with suppress(VictimGone):
        workloads.delete(cluster, namespace, name, uid)


def _patch(cluster: Cluster, pod: Pod, metadata: dict[str, Any]) -> None:
    with cluster.asked(f"{pod.namespace}/{pod.name}"):
        cluster.core.patch_namespaced_pod(pod.name, pod.namespace, {"metadata": metadata}, _content_type=MERGE)
