"""One Deployment, or Rollout, read and changed; others may change it at the same time."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from targets.pods import expiry, kinds
from targets.pods.cluster import Cluster, Conflict
from targets.pods.workloads import MERGE, RELEASED, SCALED
from targets.waiting import until

OBSERVED_WITHIN_S = 10.0
Found = Mapping[str, Any]


def read(cluster: Cluster, namespace: str, owner: str) -> dict[str, Any]:
    """Give "Deployment/web", or another kind of workload, as plain JSON."""
    kind, _, name = owner.partition("/")
    with cluster.asked(f"{kind} {namespace}/{name}"):
        found: dict[str, Any] = cluster.plain("get", kinds.path(kind, namespace, name))
    return found


def patch(cluster: Cluster, namespace: str, owner: str, body: dict[str, Any]) -> None:
    """Merge this into it. Conflict when it names a version that it is not any more."""
    kind, _, name = owner.partition("/")
    with cluster.asked(f"{kind} {namespace}/{name}"):
        cluster.plain("patch", kinds.path(kind, namespace, name), body, kind=MERGE)


def change(cluster: Cluster, namespace: str, owner: str, decide: Callable[[Found], dict[str, Any] | None]) -> None:
    """Patch it by what `decide` makes of it, anew when somebody was faster; None leaves it as it is."""
    while (made := decide(now := read(cluster, namespace, owner))) is not None:
        made["metadata"] = made.get("metadata", {}) | {"resourceVersion": now["metadata"]["resourceVersion"]}
        try:
            patch(cluster, namespace, owner, made)
        except Conflict:
            continue
        return


def await_observed(cluster: Cluster, namespace: str, owner: str) -> None:
    """Wait until its controller has acted on the last change: a pod that is killed before that is replaced."""

    def is_observed() -> bool:
        return is_seen(read(cluster, namespace, owner))

    until(is_observed, OBSERVED_WITHIN_S, f"{owner} in {namespace} to be seen as it is now")


def is_seen(found: Found) -> bool:
    """Tell whether its controller knows how it is now; Argo's says it in letters."""
    return int(found["status"].get("observedGeneration", 0)) >= int(found["metadata"]["generation"])


def annotations(found: Found) -> Mapping[str, str]:
    """Give its annotations, if any."""
    said: Mapping[str, str] = found["metadata"].get("annotations", {})
    return said


def marked(found: Found, label: str, annotation: str, text: str, expires: datetime | None) -> dict[str, Any]:
    """Give the metadata that says what was there before it was changed, and when that has to be over."""
    over = expiry.later(expires, annotations(found))
    return {"labels": {label: "true"}, "annotations": {annotation: text, **over}}


def unmarked(found: Found, label: str, annotation: str) -> dict[str, Any]:
    """Give the metadata that takes such marks away; what else was changed keeps its time."""
    others = {SCALED, RELEASED} & set(found["metadata"].get("labels", {})) - {label}
    return {"labels": {label: None}, "annotations": {annotation: None, **({} if others else expiry.said(None))}}
