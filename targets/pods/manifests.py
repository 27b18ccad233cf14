"""A namespace as manifests: all that is in it and that nobody would make anew by himself; made again from them.

What a controller makes of other things (a Deployment's ReplicaSets, their pods), and what only tells of a moment, is
left to whoever makes it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from targets.pods.cluster import Cluster, Conflict
from targets.target import TargetError, TargetGone

TOGETHER = 16
OF_A_MOMENT = ("ControllerRevision", "Endpoints", "EndpointSlice", "Event", "Lease")
FIRST = ("ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "LimitRange", "Role", "NetworkPolicy")
LAST = ("ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod")
_THE_SERVERS_OWN = ("creationTimestamp", "generation", "managedFields", "ownerReferences", "resourceVersion", "uid")
_BOUND = "pv.kubernetes.io/"  # how the annotations of a claim begin that has found its volume
_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105  a kind of Secret
_TAKEN = "already allocated"  # an address, or a port
_OF_THIS_JOB = ("controller-uid", "job-name")
Manifest = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of things that are in namespaces."""

    version: str  # "v1", "apps/v1"
    name: str  # "Deployment"
    plural: str  # as in paths: "deployments"

    def path(self, namespace: str) -> str:
        """Say where a namespace's are."""
        return f"/{'apis' if '/' in self.version else 'api'}/{self.version}/namespaces/{namespace}/{self.plural}"


def kinds(cluster: Cluster) -> tuple[Kind, ...]:
    """Find the kinds of things in namespaces that can be listed and made. TargetError when a group does not answer."""
    with cluster.asked("the kinds of things that there are"):
        groups = cluster.plain("get", "/apis")["groups"]
        paths = ["/api/v1", *(f"/apis/{each['preferredVersion']['groupVersion']}" for each in groups)]
        with ThreadPoolExecutor(TOGETHER) as pool:
            found = list(pool.map(lambda path: cluster.plain("get", path), paths))
    return tuple(
        Kind(version=group["groupVersion"], name=each["kind"], plural=each["name"])
        for group in found
        for each in group["resources"]
        if each["namespaced"] and "/" not in each["name"] and {"create", "list"} <= set(each["verbs"])
    )


def of(cluster: Cluster, namespace: str) -> list[Manifest]:
    """Write down a namespace and what is in it, in the order in which it can be made."""
    with cluster.asked(f"namespace {namespace}"):
        itself = cluster.plain("get", f"/api/v1/namespaces/{namespace}")
    wanted = [each for each in kinds(cluster) if each.name not in OF_A_MOMENT]
    with ThreadPoolExecutor(TOGETHER) as pool:
        listed = list(pool.map(lambda kind: _listed(cluster, namespace, kind), wanted))
    found = [_written(each) for items in listed for each in items if _lasts(each)]
    return [_written(itself), *sorted(found, key=_turn)]


def make(cluster: Cluster, manifests: Iterable[Manifest]) -> None:
    """Make what is not there, one after the other; what is there stays as it is."""
    known = {(each.version, each.name): each for each in kinds(cluster)}
    for each in manifests:
        path = _path(cluster, known, each)
        if not _is_there(cluster, path, each):
            _make_one(cluster, path, each)


def _path(cluster: Cluster, known: Mapping[tuple[str, str], Kind], each: Manifest) -> str:
    if each["kind"] == "Namespace":
        return "/api/v1/namespaces"
    version, kind = each["apiVersion"], each["kind"]
    if (version, kind) not in known:
        raise TargetError(f"context {cluster.context}: {_called(each)} cannot be made: there is no {kind} of {version}")
    return known[version, kind].path(each["metadata"]["namespace"])


def _is_there(cluster: Cluster, path: str, each: Manifest) -> bool:
    with suppress(TargetGone), cluster.asked(_called(each)):
        cluster.plain("get", f"{path}/{each['metadata']['name']}")
        return True
    return False


def _make_one(cluster: Cluster, path: str, each: Manifest) -> None:
    """Make a thing that was not there a moment ago; a Service whose addresses somebody has taken gets others."""
    try:
        with suppress(Conflict), cluster.asked(_called(each)):
            cluster.plain("post", path, each)
    except TargetGone as error:  # its namespace is: whoever heals must not take that for an end
        raise TargetError(f"{error}: it cannot be made") from error
    except TargetError as error:
        if each["kind"] != "Service" or _TAKEN not in str(error):
            raise
        with cluster.asked(_called(each)):
            cluster.plain("post", path, _anywhere(each))


def _anywhere(service: Manifest) -> Manifest:
    """Leave out at which addresses and ports of the cluster's it was."""
    spec = {key: value for key, value in service["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in spec.get("ports", ())]
    return service | {"spec": spec | {"ports": ports}}


def _called(each: Manifest) -> str:
    return f"{each['kind']} {each['metadata']['name']}"


def _listed(cluster: Cluster, namespace: str, kind: Kind) -> Iterator[Manifest]:
    with cluster.asked(f"{kind.plural} of {namespace}"):
        items = cluster.plain("get", kind.path(namespace))["items"]
    return ({**each, "apiVersion": kind.version, "kind": kind.name} for each in items)


def _lasts(each: Manifest) -> bool:
    """Tell whether it is nobody's work who would do it again, and has not ended."""
    owned = any(owner.get("controller") for owner in each["metadata"].get("ownerReferences", ()))
    ended = any(word["type"] in ("Complete", "Failed") for word in each.get("status", {}).get("conditions") or ())
    own = each["kind"] == "Secret" and each.get("type") == _TOKEN
    return not owned and not own and not (each["kind"] == "Job" and ended)


def _turn(each: Manifest) -> tuple[int, str]:
    kind = each["kind"]
    place = FIRST.index(kind) if kind in FIRST else len(FIRST) + (1 + LAST.index(kind) if kind in LAST else 0)
    return place, kind


def _written(each: Manifest) -> Manifest:
    """Leave out what the cluster itself says of a thing."""
    metadata = {key: value for key, value in each["metadata"].items() if key not in _THE_SERVERS_OWN}
    written = {key: value for key, value in each.items() if key not in ("metadata", "status")} | {"metadata": metadata}
    if each["kind"] == "PersistentVolumeClaim":
        metadata["annotations"] = _without(metadata.get("annotations", {}), [_BOUND])
    if each["kind"] == "Pod":
        written["spec"] = {key: value for key, value in each["spec"].items() if key != "nodeName"}
    if each["kind"] == "Job":
        written["spec"] = _anybodys(each["spec"])
        metadata["labels"] = _without(metadata.get("labels", {}), _of_a_job())
    return written


def _anybodys(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out by what a Job knows its own pods: another one finds words of its own."""
    template = {**spec["template"], "metadata": {**spec["template"].get("metadata", {})}}
    template["metadata"]["labels"] = _without(template["metadata"].get("labels", {}), _of_a_job())
    return {key: value for key, value in spec.items() if key != "selector"} | {"template": template}


def _of_a_job() -> Sequence[str]:
    return [*_OF_THIS_JOB, *(f"batch.kubernetes.io/{each}" for each in _OF_THIS_JOB)]


def _without(said: Mapping[str, str], beginnings: Sequence[str]) -> dict[str, str]:
    return {key: value for key, value in said.items() if not key.startswith(tuple(beginnings))}
