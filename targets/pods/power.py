"""The power of a kind cluster's hosts: each is a container of the Docker engine, to be killed and started."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from docker.errors import DockerException

from targets.boxes import engine
from targets.pods.cluster import Cluster
from targets.target import Unable
from targets.waiting import until

CLUSTER, ROLE = "io.x-k8s.kind.cluster", "io.x-k8s.kind.role"  # kind's own labels
LEASES = "kube-node-lease"
BACK_WITHIN_S = 120.0
POLL_S = 0.2


def off(name: str) -> frozenset[str]:
    """Name the hosts of a cluster that are off."""
    return frozenset(host for host, box in _boxes(name).items() if box["State"] != "running")


def hosts(name: str) -> tuple[str, ...]:
    """Name the hosts of a cluster that are on."""
    return tuple(sorted(host for host, box in _boxes(name).items() if box["State"] == "running"))


def planes(name: str) -> tuple[str, ...]:
    """Name the hosts of a cluster on which its control plane is."""
    return tuple(sorted(host for host, box in _boxes(name).items() if box["Labels"].get(ROLE) == "control-plane"))


def check(name: str, hosts: Collection[str]) -> None:
    """Raise Unable for all but workers: without its control plane nobody could put a cluster back."""
    workers = sorted(host for host, box in _boxes(name).items() if box["Labels"].get(ROLE) == "worker")
    if others := sorted(set(hosts) - set(workers)):
        others_said, known = ", ".join(others), ", ".join(workers) or "none"
        raise Unable(f"kind:{name}: {others_said} is not a worker of this cluster; it has {known}")


def switch_off(name: str, host: str) -> None:
    """Kill a host with all that runs there; again is the same as once."""
    check(name, [host])
    boxes = _boxes(name)
    if boxes[host]["State"] == "running":
        _said(name, "kill", host)


def switch_on(cluster: Cluster, name: str, host: str) -> None:
    """Start a host and wait until its kubelet is back; nothing to do for one that is on."""
    if host not in off(name):
        return
    began = datetime.now(UTC)
    _said(name, "start", host)
    until(lambda: renewed(cluster, host) > began, BACK_WITHIN_S, f"the kubelet of {host} to be heard of", POLL_S)


def renewed(cluster: Cluster, who: str, among: str = LEASES) -> datetime:
    """Say when a host's kubelet was last heard of: the node's own status says "ready" for 40 s after its end.

    `among`: the namespace in which others who say that they are there do so.
    """
    with cluster.asked(f"lease of {who}"):
        said = json.loads(cluster.coordination.read_namespaced_lease(who, among, _preload_content=False).data)
    return datetime.fromisoformat(said["spec"]["renewTime"])


def _boxes(name: str) -> dict[str, Any]:
    try:
        found = engine.client().api.containers(all=True, filters={"label": f"{CLUSTER}={name}"})
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"kind:{name}") from error
    return {str(box["Names"][0]).lstrip("/"): box for box in found}


def _said(name: str, verb: str, host: str) -> None:
    try:
        getattr(engine.client().api, verb)(host)
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"kind:{name}: {host}") from error
