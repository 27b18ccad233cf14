"""One Deployment, read and changed; others may change it at the same time."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from targets.pods import expiry
from targets.pods.cluster import Cluster, Conflict
from targets.pods.workloads import MERGE, RELEASED, SCALED
from targets.waiting import until

OBSERVED_WITHIN_S = 10.0
Found = Mapping[str, Any]


def read(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    """Give it as plain JSON."""
    with cluster.asked(f"deployment {namespace}/{name}"):
        found: dict[str, Any] = json.loads(
            cluster.apps.read_namespaced_deployment(name, namespace, _preload_content=False).data
        )
    return found


def change(cluster: Cluster, namespace: str, name: str, decide: Callable[[Found], dict[str, Any] | None]) -> None:
    """Patch it by what `decide` makes of it, anew when somebody was faster; None leaves it as it is."""
    while (patch := decide(now := read(cluster, namespace, name))) is not None:
        patch["metadata"] = patch.get("metadata", {}) | {"resourceVersion": now["metadata"]["resourceVersion"]}
        try:
            with cluster.asked(f"deployment {namespace}/{name}"):
                cluster.apps.patch_namespaced_deployment(name, namespace, patch, _content_type=MERGE)
        except Conflict:
            continue
        return


def await_observed(cluster: Cluster, namespace: str, name: str) -> None:
    """Wait until its controller has acted on the last change: a pod that is killed before that is replaced."""

    def is_observed() -> bool:
        now = read(cluster, namespace, name)
        return bool(now["status"].get("observedGeneration", 0) >= now["metadata"]["generation"])

    until(is_observed, OBSERVED_WITHIN_S, f"deployment {namespace}/{name} to be seen as it is now")


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
