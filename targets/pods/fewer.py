"""A workload with another number of pods than it had, which it says of itself, to be given back by anybody."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from targets.pods import deployments
from targets.pods.cluster import Cluster
from targets.pods.deployments import Found
from targets.pods.workloads import FIRST_COUNT, MERGE, SCALED, Pod

COST = "controller.kubernetes.io/pod-deletion-cost"
GOES_FIRST = "-1000"


def without(cluster: Cluster, pod: Pod, expires: datetime | None) -> None:
    """Have a Deployment want one pod less, and rather not this one: whoever kills it is not answered by another."""
    with cluster.asked(f"{pod.namespace}/{pod.name}"):
        cluster.core.patch_namespaced_pod(
            pod.name, pod.namespace, {"metadata": {"annotations": {COST: GOES_FIRST}}}, _content_type=MERGE
        )
    _set(cluster, pod.namespace, pod.owner, lambda count, _first: count - 1, expires)
    deployments.await_observed(cluster, pod.namespace, pod.owner)


def given_back(cluster: Cluster, namespace: str, owner: str) -> None:
    """Have it want as many as at first; nothing to do when it does."""
    _set(cluster, namespace, owner, lambda count, first: count if first is None else first)


def resize(cluster: Cluster, namespace: str, owner: str, wanted: int, expires: datetime | None) -> None:
    """Have it want so many."""
    _set(cluster, namespace, owner, lambda _count, _first: wanted, expires)


def _set(
    cluster: Cluster,
    namespace: str,
    owner: str,
    decide: Callable[[int, int | None], int],
    expires: datetime | None = None,
) -> None:
    """Change the number that is wanted."""

    def patch(now: Found) -> dict[str, Any] | None:
        count, said = int(now["spec"]["replicas"]), deployments.annotations(now).get(FIRST_COUNT)
        wanted, first = decide(count, None if said is None else int(said)), count if said is None else int(said)
        if wanted == count and said is None:
            return None
        if wanted == first:
            metadata = deployments.unmarked(now, SCALED, FIRST_COUNT)
        else:
            metadata = deployments.marked(now, SCALED, FIRST_COUNT, str(first), expires)
        return {"metadata": metadata, "spec": {"replicas": wanted}}

    deployments.change(cluster, namespace, owner, patch)
