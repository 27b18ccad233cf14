"""A pod for the client, beside the services that it watches. It ends by itself, whatever becomes of us."""

import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from targets.pods import beside, workloads
from targets.pods.cluster import Cluster
from targets.pods.hosts import OWN
from targets.pods.policies import MANAGED, OURS
from targets.pods.workloads import Selection
from targets.target import TargetError
from targets.waiting import until

OBSERVER = f"{OURS}/observer"  # its label
LIVES_S = 4 * 3600
STARTS_WITHIN_S, POLL_S = 60.0, 0.1
_WAITS = f"import time; time.sleep({LIVES_S})"


@contextmanager
def place(cluster: Cluster, namespace: str, image: str) -> Iterator[Sequence[str]]:
    """Have the pod for a while; gives the command that runs a client in it. TargetError when it does not start."""
    name = f"{OURS}-observer-{uuid.uuid4().hex[:8]}"
    try:
        with cluster.asked(f"{namespace}/{name}"):
            cluster.core.create_namespaced_pod(namespace, _body(name, image), _preload_content=False)
        container = _awaited(cluster, namespace, name)
        known = str(cluster.kubeconfig or "")
        yield [sys.executable, "-m", "targets.pods.relay", cluster.context, known, namespace, name, container]
    finally:
        beside.gone(cluster, namespace, name)


def _awaited(cluster: Cluster, namespace: str, name: str) -> str:
    """Wait until it runs; gives its container's id."""
    where = {"observer": Selection(namespace=namespace, select=f"{OBSERVER}={name}")}
    try:
        return until(
            lambda: next((pod.process for pod in workloads.of(cluster, where)["observer"] if pod.ready), ""),
            STARTS_WITHIN_S,
            f"context {cluster.context}: {namespace}/{name} to run",
            POLL_S,
        )
    except TargetError as error:
        raise TargetError(f"{error}; does every node have its image? --observer-image names another") from error


def _body(name: str, image: str) -> dict[str, Any]:
    """Write it: rather on the control plane's host, which no drill hurts, where it is allowed to run there."""
    apart = [{"weight": 100, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}} for key in OWN]
    return {
        "metadata": {
            "name": name,
            "labels": {MANAGED: OURS, OBSERVER: name},
            "annotations": beside.over(LIVES_S),
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIVES_S,
            "automountServiceAccountToken": False,
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": apart}},
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "observer",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", _WAITS],
                    "workingDir": "/tmp",  # noqa: S108  the client's code is put there
                    "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
