"""The lab in a namespace of a cluster: its manifests, applied; its doors; whether its pods are ready."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from kubernetes import utils
from kubernetes.client.exceptions import ApiException
from kubernetes.utils import FailToCreateError

from targets.lab.layout import COMPONENTS, FRONT, names
from targets.pods import clusters, reaper, sweep
from targets.pods.cluster import Cluster
from targets.pods.kept import KEEPS
from targets.pods.policies import MANAGED, OURS
from targets.pods.workloads import Selection
from targets.target import TargetError, TargetGone
from targets.waiting import until

MANIFESTS = Path(__file__).parent.parent / "lab" / "k8s"
IMAGE = "drillyard-lab"  # as the manifests call it
DOOR = "drillyard/door"
COMPONENT = "app.kubernetes.io/component"
_TAKEN = "already allocated"


def new_name() -> str:
    """Name a new lab's namespace."""
    return f"{OURS}-{uuid4().hex[:6]}"


def selections(namespace: str) -> dict[str, Selection]:
    """Say where the lab's components are."""
    return {each: Selection(namespace=namespace, select=f"{COMPONENT}={each}") for each in COMPONENTS}


def apply(cluster: Cluster, namespace: str, image: str) -> None:
    """Make the namespace and all that is in it: the doors first, of which younger pods are told."""
    labels = {MANAGED: OURS}
    with cluster.asked(f"namespace {namespace}"):
        cluster.core.create_namespace({"metadata": {"name": namespace, "labels": labels}})
    with closing(cluster.client()) as client:
        for document in (*_documents(image), *reaper.manifests(namespace, image)):
            try:
                utils.create_from_dict(client, document, namespace=namespace)
            except FailToCreateError as error:
                raise _refused(cluster, error.api_exceptions[0]) from error


def remove(cluster: Cluster, namespace: str, within_s: float) -> None:
    """Take the namespace away, and wait until it is gone; again is the same as once.

    A pod that is held down would keep it for ever.
    """
    for _, release in sweep.held(cluster, namespace=namespace):
        with suppress(TargetGone):
            release()
    for takes_away in (cluster.rbac.delete_cluster_role_binding, cluster.rbac.delete_cluster_role):
        with suppress(TargetGone), cluster.asked(reaper.whole(namespace)):
            takes_away(reaper.whole(namespace))
    try:
        with cluster.asked(f"namespace {namespace}"):
            cluster.core.delete_namespace(namespace)
    except TargetGone:
        return
    until(lambda: not is_there(cluster, namespace), within_s, f"namespace {namespace} to be gone", 0.2)


def is_there(cluster: Cluster, namespace: str) -> bool:
    """Tell whether a lab's namespace is there."""
    try:
        with cluster.asked(f"namespace {namespace}"):
            cluster.core.read_namespace(namespace)
    except TargetGone:
        return False
    return True


def of(cluster: Cluster) -> tuple[str, ...]:
    """List the labs' namespaces of a cluster."""
    with cluster.asked("namespaces"):
        found = cluster.core.list_namespace(label_selector=f"{MANAGED}={OURS},!{KEEPS}").items
    return tuple(each.metadata.name for each in found)


def doors(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    """Map nodes, and "api", to HOST:PORT as callers outside reach them: a port of the control plane's own address.

    Not a port of this machine's that Docker hands on: its proxy ends for good when too many callers wait.
    """
    host = clusters.address(name)
    found = {door: f"{host}:{each.spec.ports[0].node_port}" for door, each in _services(cluster, namespace)}
    return found | dict.fromkeys(names(FRONT), found[FRONT])  # its replicas are all alike, behind one door


def inside(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Map nodes, and "api", to HOST:PORT as pods reach them."""
    return {
        door: f"{service.spec.cluster_ip}:{service.spec.ports[0].port}"
        for door, service in _services(cluster, namespace)
    }


def _services(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Any]]:
    with cluster.asked(f"services of {namespace}"):
        found = cluster.core.list_namespaced_service(namespace, label_selector=DOOR).items
    if not found:
        raise TargetGone(f"context {cluster.context}: there is no lab in namespace {namespace}")
    return ((each.metadata.labels[DOOR], each) for each in found)


def _documents(image: str) -> Iterator[dict[str, Any]]:
    files = sorted(MANIFESTS.glob("*.yaml"), key=lambda path: path.stem != "services")
    for path in files:
        yield from yaml.safe_load_all(path.read_text().replace(f"image: {IMAGE}\n", f"image: {image}\n"))


def _refused(cluster: Cluster, error: ApiException) -> TargetError:
    if _TAKEN in str(error.body):
        return TargetError(
            f"context {cluster.context}: another lab has the cluster's doors; `python -m targets down` takes it away"
        )
    return TargetError(f"context {cluster.context}: {str(error.body)[:500]}")
