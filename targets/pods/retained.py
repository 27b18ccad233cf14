"""Volumes of a namespace that is deleted: their data stays, and the claims that are made again find it.

What was changed of a volume it says itself: a label names the namespace, an annotation its policy of before.
"""

import json
from typing import Any

from targets.pods.cluster import Cluster
from targets.pods.policies import OURS
from targets.pods.workloads import MERGE

RETAINED = f"{OURS}/retained"  # a label: the namespace
POLICY = f"{OURS}/reclaim-policy"  # an annotation: what was to become of it without its claim


def keep(cluster: Cluster, namespace: str) -> None:
    """Have the volumes of a namespace's claims stay when these go; again is the same as once."""
    for each in _volumes(cluster):
        claim, labels = each["spec"].get("claimRef") or {}, each["metadata"].get("labels", {})
        if claim.get("namespace") == namespace and RETAINED not in labels:
            said = {
                "labels": {RETAINED: namespace},
                "annotations": {POLICY: each["spec"]["persistentVolumeReclaimPolicy"]},
            }
            _patch(cluster, each, {"metadata": said, "spec": {"persistentVolumeReclaimPolicy": "Retain"}})


def free(cluster: Cluster, namespace: str) -> None:
    """Have claims that are made again find them, which know them by name; a claim that is there has found another."""
    with cluster.asked(f"claims of {namespace}"):
        listed = json.loads(
            cluster.core.list_namespaced_persistent_volume_claim(namespace, _preload_content=False).data
        )["items"]
    there = {each["metadata"]["name"] for each in listed}
    for each in _volumes(cluster, f"{RETAINED}={namespace}"):
        if each["spec"]["claimRef"]["name"] not in there:
            _patch(cluster, each, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})


def give_back(cluster: Cluster, namespace: str) -> None:
    """Let become of them what is usual; whatever has no claim any more goes, where that is usual."""
    for each in _volumes(cluster, f"{RETAINED}={namespace}"):
        said = {"labels": {RETAINED: None}, "annotations": {POLICY: None}}
        before = each["metadata"]["annotations"][POLICY]
        _patch(cluster, each, {"metadata": said, "spec": {"persistentVolumeReclaimPolicy": before}})


def _volumes(cluster: Cluster, labels: str = "") -> list[dict[str, Any]]:
    with cluster.asked("volumes"):
        answer = cluster.core.list_persistent_volume(label_selector=labels, _preload_content=False)
    found: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return found


def _patch(cluster: Cluster, each: dict[str, Any], body: dict[str, Any]) -> None:
    name = each["metadata"]["name"]
    with cluster.asked(f"volume {name}"):
        cluster.core.patch_persistent_volume(name, body, _content_type=MERGE)
