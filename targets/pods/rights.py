"""What a drill must be permitted to do in a cluster: asked of it before anything is hurt, and written as a Role."""

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from targets.pods.cluster import Cluster
from targets.pods.kinds import ARGO
from targets.pods.policies import MANAGED, OURS
from targets.target import BadInput

CHAOS_MESH = "chaos-mesh.org"
GROUP = "rbac.authorization.k8s.io"
TOGETHER = 16


@dataclass(frozen=True, kw_only=True)
class Right:
    """One kind of thing, and what is done with it."""

    group: str = ""  # of the API; "" is its core
    resource: str  # "pods", "pods/exec"
    verbs: tuple[str, ...]
    everywhere: bool = False  # in the cluster as a whole, not in a namespace


LOOK, LEASE, KILL, PARTITION, RUN, STRESS = "look", "lease", "kill", "partition", "run", "stress"
DRAIN, QUOTA, ROTATE, LOSE, RESTART, ROLLOUT = "drain", "quota", "rotate", "lose", "restart", "rollout"
ERASE, BACKUP, SWEEP, LAB, MESH = "erase", "backup", "sweep", "lab", "mesh"
USUAL = (LOOK, LEASE, KILL, PARTITION, RUN, STRESS)
NEEDED: dict[str, tuple[Right, ...]] = {
    LOOK: (
        Right(resource="nodes", verbs=("list",), everywhere=True),
        Right(resource="pods", verbs=("list",)),
        Right(group="apps", resource="deployments", verbs=("list",)),
        Right(group="apps", resource="statefulsets", verbs=("list",)),
        Right(group="networking.k8s.io", resource="networkpolicies", verbs=("list",)),
    ),
    LEASE: (Right(group="coordination.k8s.io", resource="leases", verbs=("create", "delete", "get", "update")),),
    KILL: (
        Right(resource="pods", verbs=("delete", "patch")),
        Right(group="apps", resource="deployments", verbs=("get", "patch")),
    ),
    PARTITION: (
        Right(resource="pods", verbs=("create", "delete", "get", "patch")),  # its canaries
        Right(group="networking.k8s.io", resource="networkpolicies", verbs=("create", "deletecollection")),
    ),
    RUN: (Right(resource="pods/exec", verbs=("create", "get")), Right(resource="pods/proxy", verbs=("get",))),
    STRESS: (Right(resource="pods", verbs=("create", "delete", "get")),),
    DRAIN: (
        Right(resource="nodes", verbs=("get", "patch"), everywhere=True),
        Right(resource="pods/eviction", verbs=("create",)),
    ),
    QUOTA: (
        Right(resource="resourcequotas", verbs=("create", "delete", "list")),
        Right(group="apps", resource="replicasets", verbs=("list", "patch")),
        Right(group="apps", resource="statefulsets", verbs=("list", "patch")),
    ),
    ROTATE: (Right(resource="secrets", verbs=("create", "delete", "get", "list", "patch")),),
    LOSE: (
        Right(resource="persistentvolumeclaims", verbs=("delete",)),
        Right(group="apps", resource="statefulsets", verbs=("get",)),
    ),
    RESTART: (
        Right(group="apps", resource="deployments", verbs=("get", "patch")),
        Right(group="apps", resource="statefulsets", verbs=("get", "patch")),
    ),
    ROLLOUT: (Right(group=ARGO, resource="rollouts", verbs=("get", "list", "patch")),),  # what others do to Deployments
    ERASE: (  # whoever makes a namespace again makes all that was in it, secrets and roles, too
        Right(resource="namespaces", verbs=("create", "delete", "get"), everywhere=True),
        Right(resource="persistentvolumes", verbs=("list", "patch"), everywhere=True),
        Right(group="*", resource="*", verbs=("create", "get", "list"), everywhere=True),
        Right(group=GROUP, resource="roles", verbs=("bind", "escalate"), everywhere=True),
        Right(group=GROUP, resource="clusterroles", verbs=("bind",), everywhere=True),
    ),
    BACKUP: (
        Right(group="velero.io", resource="backupstoragelocations", verbs=("list",), everywhere=True),
        Right(group="velero.io", resource="backups", verbs=("create", "get", "list"), everywhere=True),
        Right(group="velero.io", resource="restores", verbs=("create", "get"), everywhere=True),
        Right(group="velero.io", resource="deletebackuprequests", verbs=("create",), everywhere=True),
    ),
    MESH: (  # latency by Chaos Mesh
        Right(group=CHAOS_MESH, resource="networkchaos", verbs=("create", "delete", "list")),
        Right(group=CHAOS_MESH, resource="podnetworkchaos", verbs=("list", "patch"), everywhere=True),
        Right(resource="services", verbs=("list",)),
    ),
    LAB: (  # what our own lab needs besides, which is found by itself and has doors of its own
        Right(resource="namespaces", verbs=("get", "list"), everywhere=True),
        Right(resource="services", verbs=("list",)),
        Right(resource="pods/log", verbs=("get",)),
        Right(group="apps", resource="statefulsets", verbs=("get",)),
    ),
    SWEEP: (  # the stop by labels alone, which looks into every namespace
        Right(resource="namespaces", verbs=("list",), everywhere=True),
        Right(resource="nodes", verbs=("get", "list", "patch"), everywhere=True),
        Right(resource="pods", verbs=("delete", "get", "list", "patch"), everywhere=True),
        Right(group="apps", resource="deployments", verbs=("get", "list", "patch"), everywhere=True),
        Right(group=ARGO, resource="rollouts", verbs=("get", "list", "patch"), everywhere=True),
        Right(group=CHAOS_MESH, resource="networkchaos", verbs=("delete", "list"), everywhere=True),
        Right(group=CHAOS_MESH, resource="podnetworkchaos", verbs=("list", "patch"), everywhere=True),
        Right(resource="resourcequotas", verbs=("delete", "list"), everywhere=True),
        Right(group="coordination.k8s.io", resource="leases", verbs=("delete", "list"), everywhere=True),
        Right(
            group="networking.k8s.io",
            resource="networkpolicies",
            verbs=("delete", "deletecollection", "list"),
            everywhere=True,
        ),
    ),
}


def lacking(cluster: Cluster, namespaces: Iterable[str], doing: str) -> tuple[str, ...]:
    """Name what is needed for `doing` and not permitted: "delete pods in shop"; empty when all is."""
    asked = [
        (right, verb, "" if right.everywhere else namespace)
        for namespace in sorted(namespaces)
        for right in NEEDED[doing]
        for verb in right.verbs
    ]
    with ThreadPoolExecutor(TOGETHER) as pool:
        permitted = list(pool.map(lambda each: _permitted(cluster, *each), asked))
    return tuple(dict.fromkeys(_said(*each) for each, allowed in zip(asked, permitted, strict=True) if not allowed))


def roles(namespaces: Collection[str], doings: Collection[str]) -> list[dict[str, Any]]:
    """Write the least that `doings` need: a Role for each namespace, and a ClusterRole for what is in none.

    They are named after what they are for besides the usual: one that is applied later takes no other's place.
    BadInput names those of `doings` that do not exist.
    """
    if unknown := set(doings) - set(NEEDED):
        raise BadInput(
            f"--for {', '.join(sorted(unknown))}: nothing of that name is done; there are {', '.join(NEEDED)}"
        )
    rights = [right for doing in doings for right in NEEDED[doing]]
    inside, everywhere = ([each for each in rights if each.everywhere is said] for said in (False, True))
    usual = set(USUAL) if set(USUAL) <= set(doings) else set()
    name = "-".join((OURS, *sorted(set(doings) - usual)))
    written = [_role("Role", name, inside, namespace=each) for each in sorted(namespaces)] if inside else []
    return [*written, _role("ClusterRole", name, everywhere)] if everywhere else written


def _role(kind: str, name: str, rights: Sequence[Right], **where: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": name, **where, "labels": {MANAGED: OURS}},
        "rules": _rules(rights),
    }


def _rules(rights: Sequence[Right]) -> list[dict[str, Any]]:
    """Join what is said of one thing in several places."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource), set()).update(right.verbs)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": sorted(each)}
        for (group, resource), each in sorted(verbs.items())
    ]


def _permitted(cluster: Cluster, right: Right, verb: str, namespace: str) -> bool:
    resource, _, part = right.resource.partition("/")
    about = {"group": right.group, "resource": resource, "subresource": part, "verb": verb, "namespace": namespace}
    with cluster.asked("what we are permitted"):
        said = cluster.authorization.create_self_subject_access_review({"spec": {"resourceAttributes": about}})
    return bool(said.status.allowed)


def _said(right: Right, verb: str, namespace: str) -> str:
    return f"{verb} {right.resource}" + (f" in {namespace}" if namespace else "")
