"""The pods of a component, found by its selector, and who sees to it that they are there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from targets.pods import expiry, kinds
from targets.pods.cluster import Cluster, Forbidden
from targets.target import BadInput, TargetGone

MERGE = "application/merge-patch+json"  # lists are replaced; a patch of the usual kind would join them
ZONE = "topology.kubernetes.io/zone"
HELD = "drillyard/held"  # a finalizer, and a label: a pod that was killed stays down, as that of a lost node does
MARKED = "drillyard/in-a-cut"  # a label of the pods that a cut names, each of which bears labels of its own, too
FROZEN = "drillyard/frozen"  # a label of a pod whose processes are stopped
SCALED = "drillyard/scaled"  # a label of a workload that is to have another number of pods than it had
FIRST_COUNT = "drillyard/replicas"  # an annotation beside it: how many
LEAST_GRACE_S = 1  # with none its object is gone at once, and another may work on its data while it still runs
RELEASED = "drillyard/released"  # a label of a workload that was given a release of ours


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Where a component's pods are, and where its callers reach them."""

    namespace: str
    select: str  # a label selector: "app=web"
    url: str = ""
    inside: str = ""  # where pods reach them
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
    annotations: Mapping[str, str]
    container: str  # its first container
    port: int  # the first that this one says it listens at; 0: it says nothing
    owner: str  # "StatefulSet/postgres"; "" for one that nobody replaces
    process: str  # its first container's id for the container runtime; "" when it does not run
    incarnation: str | None  # None when it does not run, or is being taken away
    leaving: bool  # it is being taken away
    runs: bool  # its first container does, be it for the last moment
    ready: bool
    held: bool
    finalizers: tuple[str, ...]
    restarts: int
    labels: Mapping[str, str]


def of(cluster: Cluster, selections: Mapping[str, Selection]) -> dict[str, tuple[Pod, ...]]:
    """List the pods of all components, those that come and go included: one question for each namespace."""
    zones, found = _zones(cluster), {}
    listed = {name: _listed(cluster, name) for name in sorted({where.namespace for where in selections.values()})}
    for component, where in selections.items():
        mine = [each for each in listed[where.namespace] if matches(where.select, each["metadata"].get("labels", {}))]
        found[component] = tuple(sorted((_pod(each, where, zones) for each in mine), key=lambda pod: pod.name))
    return found


def members(pods: Iterable[Pod]) -> tuple[Pod, ...]:
    """Give those that are nodes of their component: of replicas none that is leaving, whose name nobody has again."""
    return tuple(pod for pod in pods if pod.held or not (pod.leaving and pod.owner.startswith(kinds.REPLACING)))


def owners(cluster: Cluster, where: Selection, *, at_first: bool = False) -> dict[str, int]:
    """Map the workloads whose pods have these labels, "Deployment/web", to how many they are to have.

    `at_first`: before somebody of us changed that.
    """
    found = {}
    for kind in kinds.known(cluster):
        for each in _of_kind(cluster, kind, where.namespace):
            if matches(where.select, _labels(each["spec"])):
                said = each["metadata"].get("annotations", {}).get(FIRST_COUNT) if at_first else None
                found[f"{kind}/{each['metadata']['name']}"] = int(said or each["spec"].get("replicas", 1))
    return found


def scaled(cluster: Cluster, namespace: str) -> list[str]:
    """Name a namespace's workloads, "Deployment/web", that say of themselves that they had another number of pods."""
    return [
        f"{kind}/{each['metadata']['name']}"
        for kind in kinds.known(cluster)
        for each in _of_kind(cluster, kind, namespace)
        if SCALED in each["metadata"].get("labels", {})
    ]


def _of_kind(cluster: Cluster, kind: str, namespace: str) -> list[dict[str, Any]]:
    """List a namespace's workloads. Of Rollouts, which not everybody has, those that may be seen."""
    about = f"{kinds.RESOURCES[kind][1]} of {namespace}"
    with suppress(*([Forbidden] if kind == kinds.ROLLOUT else [])), cluster.asked(about):
        found: list[dict[str, Any]] = cluster.plain("get", kinds.path(kind, namespace))["items"]
        return found
    return []


def _labels(spec: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the labels of a workload's pods; a Rollout may have their template from elsewhere."""
    template: Mapping[str, Any] = spec.get("template", {}).get("metadata") or spec["selector"]
    found: Mapping[str, str] = template.get("labels") or template.get("matchLabels") or {}
    return found


def _listed(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    with cluster.asked(f"pods of {namespace}"):
        return _items(cluster.core.list_namespaced_pod(namespace, _preload_content=False))


def _items(answer: Any) -> list[dict[str, Any]]:
    """Read a list as plain JSON: the client's own models take a hundred times as long, and drills ask often."""
    found: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return found


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Tell whether labels satisfy a selector of equalities. BadInput for any other kind of selector."""
    wanted = [word.strip().replace("==", "=").partition("=") for word in selector.split(",") if word.strip()]
    if not wanted or any(not sign or key.endswith("!") or " " in key for key, sign, _ in wanted):
        raise BadInput(f'select = {selector!r}: name labels as "key=value,key=value"')
    return all(labels.get(key.strip()) == value.strip() for key, _, value in wanted)


def held(pod: Pod, expires: datetime | None) -> dict[str, Any]:
    """Give the metadata that keeps a pod's end from being seen; others' finalizers stay."""
    others = [each for each in pod.finalizers if each != HELD]
    over = expiry.later(expires, pod.annotations)
    return {"finalizers": [*others, HELD], "labels": {HELD: "true"}, "annotations": over}


def released(finalizers: Sequence[str] | None) -> dict[str, Any]:
    """Give the metadata that lets it be seen."""
    return {"finalizers": [each for each in finalizers or [] if each != HELD], "labels": {HELD: None}}


def over(pod: Pod, mark: str) -> dict[str, str | None]:
    """Give the annotations without a time, when this label was the last of ours that the pod bore."""
    return {} if {HELD, MARKED, FROZEN} & set(pod.labels) - {mark} else expiry.said(None)


def _pod(each: Mapping[str, Any], where: Selection, zones: Mapping[str, str]) -> Pod:
    meta, spec, status = each["metadata"], each["spec"], each["status"]
    state: Mapping[str, Any] = next(iter(status.get("containerStatuses", [])), {})
    labels, finalizers, container = meta.get("labels", {}), meta.get("finalizers", []), spec["containers"][0]
    runs = "running" in state.get("state", {})
    leaving = "deletionTimestamp" in meta
    stays = runs and not leaving
    process = state.get("containerID", "").rpartition("/")[2]
    return Pod(
        name=meta["name"],
        namespace=where.namespace,
        uid=meta["uid"],
        host=spec.get("nodeName", ""),
        zone=zones.get(spec.get("nodeName", ""), ""),
        role=labels.get(where.role_label, "") if where.role_label else "",
        address=status.get("podIP", ""),
        annotations=meta.get("annotations", {}),
        container=container["name"],
        port=next((one["containerPort"] for one in container.get("ports", [])), 0),
        owner=_owner(meta),
        process=process,
        incarnation=f"{meta['uid']}/{process[:12]}" if stays else None,
        leaving=leaving,
        runs=runs,
        ready=bool(stays and state.get("ready")),
        held=HELD in finalizers,
        finalizers=tuple(finalizers),
        restarts=state.get("restartCount", 0),
        labels=labels,
    )


def _owner(meta: Mapping[str, Any]) -> str:
    """Name the workload: a ReplicaSet's pods are those of whoever made it, whose name it bears before its hash."""
    for each in meta.get("ownerReferences", []):
        if each.get("controller") and each["kind"] == "ReplicaSet":
            kind = kinds.ROLLOUT if kinds.ROLLED in meta.get("labels", {}) else kinds.DEPLOYMENT
            return f"{kind}/{each['name'].rpartition('-')[0]}"
        if each.get("controller"):
            return f"{each['kind']}/{each['name']}"
    return ""


def _zones(cluster: Cluster) -> dict[str, str]:
    if "zones" not in cluster._made:  # noqa: SLF001  nodes seldom move
        with cluster.asked("nodes"):
            nodes = _items(cluster.core.list_node(_preload_content=False))
        cluster._made["zones"] = {  # noqa: SLF001
            each["metadata"]["name"]: each["metadata"].get("labels", {}).get(ZONE, "") for each in nodes
        }
    return dict(cluster._made["zones"])  # noqa: SLF001


def delete(cluster: Cluster, namespace: str, name: str, uid: str, grace_s: int = LEAST_GRACE_S) -> None:
    """Delete that very pod; nothing to do when it is gone. VictimGone when another has its name."""
    only = {"gracePeriodSeconds": grace_s, "preconditions": {"uid": uid}}
    with suppress(TargetGone), cluster.asked(f"{namespace}/{name}"):
        # plain: to make a model of the answer takes longer than to delete, and some of them are blows, which are dated
        cluster.plain("delete", f"/api/v1/namespaces/{namespace}/pods/{name}", only)
