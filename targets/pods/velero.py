"""Backups and restores by Velero, where it is installed: by its custom resources alone."""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from targets.pods.cluster import Cluster
from targets.pods.policies import MANAGED, OURS
from targets.target import TargetError, TargetGone, Unable
from targets.waiting import until

VERSION = "velero.io/v1"
ENDS_WITHIN_S = 600.0
POLL_S = 0.2
WELL = "Completed"
_GOES_ON = ("", "New", "Queued", "ReadyToStart", "InProgress", "WaitingForPluginOperations", "Finalizing")


def home(cluster: Cluster) -> str:
    """Name the namespace in which Velero works. Unable where it is not installed, or has nowhere to put backups."""
    try:
        with cluster.asked("Velero's backup storage locations"):
            found = cluster.plain("get", f"/apis/{VERSION}/backupstoragelocations")["items"]
    except TargetGone:
        found = []
    if not found:
        raise Unable(f"context {cluster.context}: Velero is not installed there, or has no backup storage location")
    return str(found[0]["metadata"]["namespace"])


def back_up(cluster: Cluster, namespace: str, seconds: float) -> str:
    """Back a namespace up and wait until that is done; Velero itself removes it after so many seconds."""
    name = f"{OURS}-{namespace}-{uuid4().hex[:6]}"
    # volumes' data is what its own settings make of it
    spec = {"includedNamespaces": [namespace], "ttl": f"{seconds:.0f}s"}
    _done(cluster, "Backup", name, spec)
    return name


def restore(cluster: Cluster, namespace: str, backup: str) -> None:
    """Restore a namespace from a backup and wait until that is done; what is there stays as it is."""
    name = f"{OURS}-{namespace}-{uuid4().hex[:6]}"
    _done(cluster, "Restore", name, {"backupName": backup, "includedNamespaces": [namespace]})


def newest(cluster: Cluster, namespace: str) -> str:
    """Name the newest backup in which a namespace is, whoever made it. TargetError when there is none."""
    with cluster.asked("backups"):
        items = cluster.plain("get", f"/apis/{VERSION}/namespaces/{home(cluster)}/backups")["items"]
    found = [
        (each["status"]["completionTimestamp"], each["metadata"]["name"])
        for each in items
        if each.get("status", {}).get("phase") == WELL and _has(each["spec"], namespace)
    ]
    if not found:
        raise TargetError(f"context {cluster.context}: Velero has no backup of namespace {namespace}")
    return str(max(found)[1])


def _done(cluster: Cluster, kind: str, name: str, spec: Mapping[str, Any]) -> None:
    """Ask for it, and wait for its end. TargetError with Velero's own words unless it went well."""
    path = f"/apis/{VERSION}/namespaces/{home(cluster)}/{kind.lower()}s"
    with cluster.asked(f"{kind} {name}"):
        cluster.plain("post", path, _body(kind, name, spec))
    status = until(partial(_end, cluster, f"{path}/{name}"), ENDS_WITHIN_S, f"{kind} {name} to end", POLL_S)
    if status["phase"] != WELL:
        raise TargetError(f"context {cluster.context}: {kind} {name}: {json.dumps(status)[:500]}")


def _end(cluster: Cluster, path: str) -> Mapping[str, Any] | None:
    status: Mapping[str, Any] = _read(cluster, path).get("status", {})
    return None if status.get("phase", "") in _GOES_ON else status


def _has(spec: Mapping[str, Any], namespace: str) -> bool:
    included, excluded = spec.get("includedNamespaces") or ["*"], spec.get("excludedNamespaces") or []
    return bool({"*", namespace} & set(included)) and namespace not in excluded


def _read(cluster: Cluster, path: str) -> dict[str, Any]:
    with cluster.asked(path.rpartition("/")[2]):
        return cluster.plain("get", path)


def _body(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": {"name": name, "labels": {MANAGED: OURS}},
        "spec": dict(spec),
    }
