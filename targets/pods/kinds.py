"""The kinds of workloads, and where the API has them. Argo's Rollouts are Deployments with a strategy of their own.

A workload is called by kind and name, "Deployment/web".
"""

from targets.pods.cluster import Cluster

ARGO = "argoproj.io"
DEPLOYMENT, STATEFUL_SET, ROLLOUT = "Deployment", "StatefulSet", "Rollout"
RESOURCES = {
    DEPLOYMENT: ("apps/v1", "deployments"),
    STATEFUL_SET: ("apps/v1", "statefulsets"),
    ROLLOUT: (f"{ARGO}/v1alpha1", "rollouts"),
}
REPLACING = (f"{DEPLOYMENT}/", f"{ROLLOUT}/")  # whose pods are all alike: one that is gone gets another name
ROLLED = "rollouts-pod-template-hash"  # a label of a Rollout's pods


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """Say where the API has a workload, or all of a kind in a namespace, or everywhere."""
    group, resource = RESOURCES[kind]
    there = f"namespaces/{namespace}/" if namespace else ""
    return f"/apis/{group}/{there}{resource}" + (f"/{name}" if name else "")


def known(cluster: Cluster) -> tuple[str, ...]:
    """List the kinds that a cluster has: Rollouts only where Argo's are installed, and may be seen."""
    return tuple(RESOURCES) if cluster.serves(*RESOURCES[ROLLOUT]) else (DEPLOYMENT, STATEFUL_SET)
