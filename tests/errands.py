"""A pod for every host that cannot start there: its kubelet saying so tells that it does again what it is told.

A kubelet whose API server was away renews its lease at once, but asks for its pods only after a wait of its own.
"""

import json
import uuid
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from targets.pods import beside
from targets.pods.cluster import Cluster
from targets.pods.policies import MANAGED, OURS
from targets.pods.releases import BAD, MISSING
from targets.waiting import until

POLL_S = 0.2


def run(cluster: Cluster, namespace: str, hosts: Collection[str], within_s: float) -> None:
    """Wait until every host's kubelet has seen a pod, and let it go. TargetError names one that did not in time."""
    with ThreadPoolExecutor(max(1, len(hosts))) as pool:
        list(pool.map(lambda host: _run(cluster, namespace, host, within_s), hosts))


def _run(cluster: Cluster, namespace: str, host: str, within_s: float) -> None:
    name = f"{OURS}-errand-{uuid.uuid4().hex[:8]}"
    with cluster.asked(f"{namespace}/{name}"):
        cluster.core.create_namespaced_pod(namespace, _body(name, host, within_s), _preload_content=False)
    try:
        until(partial(_seen, cluster, namespace, name), within_s, f"the kubelet of {host} to see a pod", POLL_S)
    finally:
        beside.gone(cluster, namespace, name)


def _seen(cluster: Cluster, namespace: str, name: str) -> bool:
    """Tell whether a kubelet has said when it began with a pod; a scheduler does not say that."""
    with cluster.asked(f"{namespace}/{name}"):
        now = json.loads(cluster.core.read_namespaced_pod(name, namespace, _preload_content=False).data)
    return "startTime" in now["status"]


def _body(name: str, host: str, within_s: float) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {MANAGED: OURS}, "annotations": beside.over(round(within_s))},
        "spec": {
            "nodeName": host,
            "tolerations": [{"operator": "Exists"}],
            "restartPolicy": "Never",
            "activeDeadlineSeconds": round(within_s),
            "automountServiceAccountToken": False,
            "containers": [{"name": "errand", **BAD[MISSING]}],
        },
    }
