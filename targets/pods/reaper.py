"""What the reaper needs in a cluster: its account, the rights of a stop by labels, a pod that is always there."""

from typing import Any

from targets.pods import rights

NAME = "drillyard-reaper"
EVERY_S = 10.0
_NAME = "app.kubernetes.io/name"


def manifests(namespace: str, image: str, every_s: float = EVERY_S) -> list[dict[str, Any]]:
    """Write them. `image`: the lab's, or any with this package and the official client."""
    everywhere = whole(namespace)
    (role,) = rights.roles([], [rights.SWEEP])
    labels = {_NAME: NAME}
    binding = {
        "apiVersion": role["apiVersion"],
        "kind": "ClusterRoleBinding",
        "metadata": {"name": everywhere, "labels": labels},
        "roleRef": {"apiGroup": rights.GROUP, "kind": "ClusterRole", "name": everywhere},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": namespace}},
        role | {"metadata": {"name": everywhere, "labels": labels}},
        binding,
        _deployment(namespace, image, every_s, labels),
    ]


def whole(namespace: str) -> str:
    """Name what belongs to the cluster as a whole: each namespace may have a reaper."""
    return f"{NAME}-{namespace}"


def _deployment(namespace: str, image: str, every_s: float, labels: dict[str, str]) -> dict[str, Any]:
    container = {
        "name": "reaper",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "targets.pods.reap", "--every", str(every_s)],
        "workingDir": "/tmp",  # noqa: S108  nothing is written there
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "serviceAccountName": NAME,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
