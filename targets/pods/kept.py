"""What a namespace was before we deleted it, kept in one of ours: anybody with the right to can make it again.

One Secret, for there are Secrets in it: the manifests as a List, so that kubectl can read it, too.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from targets.pods import expiry
from targets.pods.cluster import Cluster, Conflict
from targets.pods.policies import MANAGED, OURS
from targets.pods.retained import RETAINED
from targets.target import TargetError, TargetGone
from targets.waiting import until

KEEPS = f"{OURS}/keeps"  # a label of our namespace: the other's name
SECRET, FILE = "manifests", "packed"  # JSON, gzipped
_UNCLAIM = '{"spec": {"claimRef": {"uid": null, "resourceVersion": null}}}'
LONGEST = 63  # characters of a namespace's name: cut off, two could share one
MOST = 1_000_000  # bytes that a Secret can hold
GONE_WITHIN_S = 60.0
POLL_S = 0.2


def place(namespace: str) -> str:
    """Name the namespace in which another one is kept."""
    whole = f"{OURS}-kept-{namespace}"
    return whole if len(whole) <= LONGEST else f"{OURS}-kept-{hashlib.sha256(namespace.encode()).hexdigest()[:16]}"


def put(cluster: Cluster, namespace: str, manifests: Sequence[dict[str, Any]], expires: datetime | None) -> None:
    """Keep a namespace; what is kept of it already stays, for that is what it was. TargetError when it is too much."""
    whole = {"apiVersion": "v1", "kind": "List", "items": manifests}
    packed = gzip.compress(json.dumps(whole, separators=(",", ":")).encode())
    if len(packed) > MOST:
        raise TargetError(f"namespace {namespace}: {len(packed)} bytes to keep, a Secret holds {MOST}: not deleting it")
    labels = {MANAGED: OURS, KEEPS: namespace, "chaos-type": "erase"}
    own = {
        "metadata": {"name": place(namespace), "labels": labels, "annotations": expiry.said(expires) if expires else {}}
    }
    with suppress(Conflict), cluster.asked(f"namespace {place(namespace)}"):
        cluster.core.create_namespace(own)
    secret = {"metadata": {"name": SECRET, "labels": labels}, "data": {FILE: base64.b64encode(packed).decode()}}
    with suppress(Conflict), cluster.asked(f"what is kept of {namespace}"):
        cluster.core.create_namespaced_secret(place(namespace), secret)


def read(cluster: Cluster, namespace: str) -> list[dict[str, Any]] | None:
    """Give the manifests of a namespace that is kept. None when it is not: whoever began to keep it did not end."""
    try:
        with cluster.asked(f"what is kept of {namespace}"):
            found = cluster.core.read_namespaced_secret(SECRET, place(namespace), _preload_content=False)
    except TargetGone:
        return None
    whole = gzip.decompress(base64.b64decode(json.loads(found.data)["data"][FILE]))
    manifests: list[dict[str, Any]] = json.loads(whole)["items"]
    return manifests


def names(cluster: Cluster) -> frozenset[str]:
    """Name the namespaces that are kept."""
    with cluster.asked("namespaces"):
        listed = json.loads(cluster.core.list_namespace(label_selector=KEEPS, _preload_content=False).data)["items"]
    staying = [each for each in listed if "deletionTimestamp" not in each["metadata"]]
    return frozenset(each["metadata"]["labels"][KEEPS] for each in staying)


def remove(cluster: Cluster, namespace: str) -> None:
    """Keep it no more; nothing to do when nobody does."""
    with suppress(TargetGone, Conflict), cluster.asked(f"namespace {place(namespace)}"):
        cluster.core.delete_namespace(place(namespace))
    until(lambda: not _is_there(cluster, namespace), GONE_WITHIN_S, f"namespace {place(namespace)} to be gone", POLL_S)


def _is_there(cluster: Cluster, namespace: str) -> bool:
    with suppress(TargetGone), cluster.asked(f"namespace {place(namespace)}"):
        cluster.core.read_namespace(place(namespace), _preload_content=False)
        return True
    return False


def spelled(cluster: Cluster, namespace: str) -> tuple[str, str]:
    """Say in kubectl's words how to make it again: its volumes may be claimed anew, then all is made."""
    unclaimed = "xargs -r -I NAME " + cluster.kubectl(namespace, "patch NAME --type merge -p") + f" '{_UNCLAIM}'"
    said = cluster.kubectl(place(namespace), f"get secret {SECRET} -o jsonpath='{{.data.{FILE}}}'")
    return (
        f"{cluster.kubectl(namespace, f'get pv -l {RETAINED}={namespace} -o name')} | {unclaimed}",
        f"{said} | base64 -d | gunzip | {cluster.kubectl(namespace, 'apply --server-side --force-conflicts -f -')}",
    )
