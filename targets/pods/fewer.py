"""A Deployment with another number of pods than it had, which it says of itself, to be given back by anybody."""

import json
from datetime import datetime
from typing import Any

from targets.pods import expiry
from targets.pods.cluster import Cluster, Conflict
from targets.pods.workloads import FIRST_COUNT, MERGE, SCALED, Pod
from targets.waiting import until

COST = "controller.kubernetes.io/pod-deletion-cost"
GOES_FIRST = "-1000"
OBSERVED_WITHIN_S = 10.0


def without(cluster: Cluster, pod: Pod, expires: datetime | None) -> None:
    """Have a Deployment want one pod less, and rather not this one: whoever kills it is not answered by another."""
    with cluster.asked(f"{pod.namespace}/{pod.name}"):
        cluster.core.patch_namespaced_pod(
            pod.name, pod.namespace, {"metadata": {"annotations": {COST: GOES_FIRST}}}, _content_type=MERGE
        )
    name = pod.owner.partition("/")[2]
    _set(cluster, pod.namespace, name, lambda count, _first: count - 1, expires)
    what = f"deployment {pod.namespace}/{name} to want one pod less"
    until(lambda: _is_observed(cluster, pod.namespace, name), OBSERVED_WITHIN_S, what)


def given_back(cluster: Cluster, namespace: str, name: str) -> None:
    """Have it want as many as at first; nothing to do when it does."""
    _set(cluster, namespace, name, lambda count, first: count if first is None else first)


def resize(cluster: Cluster, namespace: str, name: str, wanted: int, expires: datetime | None) -> None:
    """Have it want so many."""
    _set(cluster, namespace, name, lambda _count, _first: wanted, expires)


def _is_observed(cluster: Cluster, namespace: str, name: str) -> bool:
    """Tell whether its controller has acted on the last change: a pod that is killed before that is replaced."""
    now = _read(cluster, namespace, name)
    return bool(now["status"].get("observedGeneration", 0) >= now["metadata"]["generation"])


def _read(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    with cluster.asked(f"deployment {namespace}/{name}"):
        found: dict[str, Any] = json.loads(
            cluster.apps.read_namespaced_deployment(name, namespace, _preload_content=False).data
        )
    return found


def _set(cluster: Cluster, namespace: str, name: str, decide: Any, expires: datetime | None = None) -> None:
    """Change the number that is wanted; others may do so at the same time."""
    while True:
        now = _read(cluster, namespace, name)
        count, said = int(now["spec"]["replicas"]), now["metadata"].get("annotations", {}).get(FIRST_COUNT)
        wanted, first = decide(count, None if said is None else int(said)), count if said is None else int(said)
        if wanted == count and said is None:
            return
        other = wanted != first
        metadata = {
            "resourceVersion": now["metadata"]["resourceVersion"],
            "labels": {SCALED: "true" if other else None},
            "annotations": {FIRST_COUNT: str(first) if other else None, **expiry.said(expires if other else None)},
        }
        try:
            with cluster.asked(f"deployment {namespace}/{name}"):
                cluster.apps.patch_namespaced_deployment(
                    name, namespace, {"metadata": metadata, "spec": {"replicas": wanted}}, _content_type=MERGE
                )
        except Conflict:
            continue
        return
