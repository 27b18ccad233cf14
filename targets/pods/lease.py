"""One drill at a time in a namespace, across machines: a Lease says who is at it, and lapses by itself."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from targets.clustered import Taken
from targets.pods import expiry
from targets.pods.cluster import Cluster, Conflict
from targets.pods.policies import MANAGED, OURS
from targets.target import TargetGone, VictimGone

DRILL = f"{OURS}/drill"  # an annotation: what its holder is at
_MICRO = "%Y-%m-%dT%H:%M:%S.%fZ"


def take(cluster: Cluster, namespace: str, holder: str, drill: str, seconds: float) -> None:
    """Have the lease for so long; its holder has it anew. Taken names another one whose time is not over."""
    while True:
        now, found = datetime.now(UTC), _read(cluster, namespace)
        if found and found["spec"].get("holderIdentity") != holder and now < _ends(found):
            other, at = str(found["spec"].get("holderIdentity")), found["metadata"].get("annotations", {}).get(DRILL)
            until = f"until {_ends(found):%H:%M:%S} UTC at most"
            raise Taken(other, f"context {cluster.context}: {other} drills in {namespace} ({at}), {until}; let it end")
        lasts = max(seconds, (_ends(found) - now).total_seconds() if found else 0)
        body = _body(holder, drill, now, lasts)
        with suppress(Conflict):  # somebody was faster: look again
            _put(cluster, namespace, body, found)
            return


def give_back(cluster: Cluster, namespace: str, holder: str) -> None:
    """Take the holder's lease away; nothing to do when it is another's, or nobody's."""
    found = _read(cluster, namespace)
    if found and found["spec"].get("holderIdentity") == holder:
        with suppress(TargetGone):
            remove(cluster, namespace, found["metadata"]["resourceVersion"])


def remove(cluster: Cluster, namespace: str, version: str = "") -> None:
    """Take it away, whoever has it; `version`: only as long as that is what it says, not once it is renewed."""
    only = {"preconditions": {"resourceVersion": version}} if version else {}
    with suppress(VictimGone), cluster.asked(f"lease of {namespace}"):
        cluster.coordination.delete_namespaced_lease(OURS, namespace, body=only)


def _put(cluster: Cluster, namespace: str, body: dict[str, Any], found: dict[str, Any] | None) -> None:
    with cluster.asked(f"lease of {namespace}"):
        if found:
            body["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
            cluster.coordination.replace_namespaced_lease(OURS, namespace, body, _preload_content=False)
        else:
            cluster.coordination.create_namespaced_lease(namespace, body, _preload_content=False)


def _read(cluster: Cluster, namespace: str) -> dict[str, Any] | None:
    with suppress(TargetGone), cluster.asked(f"lease of {namespace}"):
        found: dict[str, Any] = json.loads(
            cluster.coordination.read_namespaced_lease(OURS, namespace, _preload_content=False).data
        )
        return found
    return None


def _body(holder: str, drill: str, now: datetime, seconds: float) -> dict[str, Any]:
    over = now + timedelta(seconds=seconds)
    return {
        "metadata": {"name": OURS, "labels": {MANAGED: OURS}, "annotations": {DRILL: drill, **expiry.said(over)}},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": max(1, round(seconds)),
            "acquireTime": now.strftime(_MICRO),
            "renewTime": now.strftime(_MICRO),
        },
    }


def _ends(found: dict[str, Any]) -> datetime:
    """Say when a lease is over; one that does not say is."""
    spec = found["spec"]
    if "renewTime" not in spec:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(spec["renewTime"]) + timedelta(seconds=spec.get("leaseDurationSeconds", 0))
