"""The pods of a component, found by its selector, and who sees to it that they are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from targets.pods.cluster import Cluster
from targets.target import BadInput

MERGE = "application/merge-patch+json"  # lists are replaced; a patch of the usual kind would join them
ZONE = "topology.kubernetes.io/zone"
HELD = "drillyard/held"  # a finalizer, and a label: a pod that was killed stays down, as that of a lost node does
SCALED = "drillyard/scaled"  # a label of a workload that is to have another number of pods than it had
FIRST_COUNT = "drillyard/replicas"  # an annotation beside it: how many


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Where a component's pods are, and where its callers reach them."""

    namespace: str
    select: str  # a label selector: "app=web"
    url: str = ""
    role_label: str = ""  # the label that tells a pod's role


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod at the moment of the question."""

    name: str
    namespace: str
    uid: str
    host: str  # the cluster's node
    zone: str
    role: str
    address: str
    container: str  # its first container
    port: int  # the first that this one says it listens at; 0: it says nothing
    owner: str  # "StatefulSet/postgres"; "" for one that nobody replaces
    incarnation: str | None  # None when it does not run, or is being taken away
    ready: bool
    held: bool
    restarts: int
    code: int | None  # with which its last process ended, when none runs
    labels: Mapping[str, str]


def of(cluster: Cluster, where: Selection) -> tuple[Pod, ...]:
    """List a component's pods, those that come and go included. BadInput when the selector matches nothing at all."""
    with cluster.asked(f"pods of {where.namespace}"):
        found = cluster.core.list_namespaced_pod(where.namespace, label_selector=where.select).items
    if not found and not owners(cluster, where):
        raise BadInput(
            f"context {cluster.context}: no pod and no workload in namespace {where.namespace} has {where.select!r}"
        )
    zones = _zones(cluster)
    return tuple(sorted((_pod(each, where, zones) for each in found), key=lambda pod: pod.name))


def owners(cluster: Cluster, where: Selection) -> dict[str, int]:
    """Map the workloads whose pods have these labels, "Deployment/web", to how many they are to have."""
    found = {}
    with cluster.asked(f"workloads of {where.namespace}"):
        for kind, listed in (
            ("Deployment", cluster.apps.list_namespaced_deployment(where.namespace)),
            ("StatefulSet", cluster.apps.list_namespaced_stateful_set(where.namespace)),
        ):
            for each in listed.items:
                if matches(where.select, each.spec.template.metadata.labels or {}):
                    found[f"{kind}/{each.metadata.name}"] = each.spec.replicas
    return found


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Tell whether labels satisfy a selector of equalities. BadInput for any other kind of selector."""
    wanted = [word.strip().replace("==", "=").partition("=") for word in selector.split(",") if word.strip()]
    if not wanted or any(not sign or key.endswith("!") or " " in key for key, sign, _ in wanted):
        raise BadInput(f'select = {selector!r}: name labels as "key=value,key=value"')
    return all(labels.get(key.strip()) == value.strip() for key, _, value in wanted)


def held(finalizers: Sequence[str] | None) -> dict[str, Any]:
    """Give the metadata that keeps a pod's end from being seen; others' finalizers stay."""
    return {"finalizers": [*(each for each in finalizers or [] if each != HELD), HELD], "labels": {HELD: "true"}}


def released(finalizers: Sequence[str] | None) -> dict[str, Any]:
    """Give the metadata that lets it be seen."""
    return {"finalizers": [each for each in finalizers or [] if each != HELD], "labels": {HELD: None}}


def _pod(each: Any, where: Selection, zones: Mapping[str, str]) -> Pod:
    meta: Any = each.metadata
    state: Any = next(iter(each.status.container_statuses or []), None)
    labels, leaving = meta.labels or {}, meta.deletion_timestamp is not None
    running = state if state and state.state.running and not leaving else None
    ended = state and (state.state.terminated or (state.last_state and state.last_state.terminated))
    return Pod(
        name=meta.name,
        namespace=where.namespace,
        uid=meta.uid,
        host=each.spec.node_name or "",
        zone=zones.get(each.spec.node_name, ""),
        role=labels.get(where.role_label, "") if where.role_label else "",
        address=each.status.pod_ip or "",
        container=each.spec.containers[0].name,
        port=next((one.container_port for one in each.spec.containers[0].ports or []), 0),
        owner=_owner(meta),
        incarnation=f"{meta.uid}/{running.container_id.rpartition('/')[2][:12]}" if running else None,
        ready=bool(running and running.ready),
        held=HELD in (meta.finalizers or []),
        restarts=state.restart_count if state else 0,
        code=None if running or not ended else ended.exit_code,
        labels=labels,
    )


def _owner(meta: Any) -> str:
    """Name the workload: a ReplicaSet's pods are its Deployment's, whose name it bears before its hash."""
    for each in meta.owner_references or []:
        if each.controller and each.kind == "ReplicaSet":
            return f"Deployment/{each.name.rpartition('-')[0]}"
        if each.controller:
            return f"{each.kind}/{each.name}"
    return ""


def _zones(cluster: Cluster) -> dict[str, str]:
    if "zones" not in cluster._made:  # noqa: SLF001  nodes seldom move
        with cluster.asked("nodes"):
            nodes = cluster.core.list_node().items
        cluster._made["zones"] = {n.metadata.name: (n.metadata.labels or {}).get(ZONE, "") for n in nodes}  # noqa: SLF001
    return dict(cluster._made["zones"])  # noqa: SLF001
