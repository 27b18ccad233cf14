"""Everything of ours in a cluster, by its labels alone: no journal, no knowledge of the system, every namespace.

What cannot be taken away but must be put back says on itself what it was, from before it was hurt.  Each step is one
list and a few changes at once, and again is the same as once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from targets.pods import beside, estates, fewer, frozen, hosts, kept, kinds, lease, mesh, quotas, releases, rotations
from targets.pods.cluster import Cluster, Forbidden
from targets.pods.expiry import is_due, said
from targets.pods.policies import CUT, MANAGED, OURS, RULES
from targets.pods.workloads import FIRST_COUNT, FROZEN, HELD, MARKED, MERGE, RELEASED, SCALED, released
from targets.target import TargetError, TargetGone

TOGETHER = 16
Left = tuple[str, Callable[[], object]]  # what is there, and how it is taken away or put back


def left(cluster: Cluster, due: datetime | None = None) -> list[Left]:
    """List what bears our labels; `due`: only that whose time is over at that moment."""
    looks = (
        *(_policies, _slowed, _marked, held, _frozen, _scaled, _released, _closed, _quotas, _helpers, _leases),
        *(_erased, _rotated),
    )
    with ThreadPoolExecutor(len(looks)) as pool:
        return [each for found in pool.map(lambda look: look(cluster, due), looks) for each in found]


def sweep(cluster: Cluster, due: datetime | None = None) -> tuple[str, ...]:
    """Put everything of ours back, or what is due; names what was there. TargetError: what could not be put back."""
    found = left(cluster, due)
    with ThreadPoolExecutor(TOGETHER) as pool:
        wrong = [says for says in pool.map(_done, found) if says]
    if wrong:
        raise TargetError("; ".join(wrong))
    return tuple(what for what, _ in found)


def _done(each: Left) -> str:
    what, undo = each
    try:
        with suppress(TargetGone):
            undo()
    except TargetError as error:
        return f"{what}: {error}"
    return ""


def _policies(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have a namespace's policies go by one call, however many they are; by their names when others may stay."""
    wanted = f"{MANAGED}={OURS},{CUT}"
    with cluster.asked("networkpolicies"):
        items = cluster.networking.list_network_policy_for_all_namespaces(label_selector=wanted).items
    ours = [each.metadata for each in items if is_due(each.metadata.annotations, due)]
    for namespace in sorted({each.namespace for each in ours}):
        names = [each.name for each in ours if each.namespace == namespace]

        def undo(namespace: str = namespace, names: Sequence[str] = names) -> None:
            with cluster.asked(f"networkpolicies of {namespace}"):
                if due is None:
                    cluster.networking.delete_collection_namespaced_network_policy(namespace, label_selector=wanted)
                    return
            for name in names:
                with suppress(TargetGone), cluster.asked(f"networkpolicy {namespace}/{name}"):
                    cluster.networking.delete_namespaced_network_policy(name, namespace)

        yield f"{len(names)} policies in {namespace}", undo


def _slowed(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have delays go; who may not see them has not made them."""
    with suppress(Forbidden), cluster.asked("networkchaos"):
        for namespace, name, annotations in mesh.everywhere(cluster):
            if is_due(annotations, due):
                yield f"{namespace}/{name}: a delay", partial(mesh.gone, cluster, namespace, [name])


def _marked(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    for pod in _pods(cluster, MARKED, due):
        ours = [key for key in pod.metadata.labels if key == MARKED or key.startswith(RULES)]
        over = {} if {HELD, FROZEN} & set(pod.metadata.labels) else said(None)
        yield _patched(cluster, pod, "labels of a cut", {"labels": dict.fromkeys(ours), "annotations": over})


def held(cluster: Cluster, due: datetime | None = None, *, namespace: str = "") -> Iterable[Left]:
    """List the pods that are held down, in one namespace or in all."""
    for pod in _pods(cluster, HELD, due):
        if namespace in ("", pod.metadata.namespace):
            yield _patched(cluster, pod, "held down", released(pod.metadata.finalizers))


def _frozen(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have pods whose processes are stopped go, for they cannot be woken from outside: their workloads replace them."""
    for pod in _pods(cluster, FROZEN, due):
        name, namespace, uid = pod.metadata.name, pod.metadata.namespace, pod.metadata.uid
        yield f"{namespace}/{name}: frozen", partial(frozen.taken_away, cluster, namespace, name, uid)


def _scaled(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    for owner, namespace, annotations in _replacing(cluster, SCALED, due):
        what = f"{namespace}/{owner.partition('/')[2]}: scaled, was {annotations.get(FIRST_COUNT)}"
        yield what, partial(fewer.given_back, cluster, namespace, owner)


def _released(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    for owner, namespace, _ in _replacing(cluster, RELEASED, due):
        what = f"{namespace}/{owner.partition('/')[2]}: a bad release"
        yield what, partial(releases.taken_back, cluster, namespace, owner)


def _closed(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    for host, annotations in sorted(hosts.closed(cluster).items()):
        if is_due(annotations, due):
            yield f"host {host}: closed to new pods", partial(hosts.reopen, cluster, host)


def _quotas(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    for name, namespace, annotations in quotas.everywhere(cluster):
        if is_due(annotations, due):
            yield f"{namespace}/{name}: a quota", partial(quotas.given_back, cluster, namespace, name)


def _helpers(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have pods of our own go: they end by themselves, later."""
    for pod in _pods(cluster, f"{MANAGED}={OURS}", due):
        name, namespace = pod.metadata.name, pod.metadata.namespace
        yield f"{namespace}/{name}: a pod of ours", partial(beside.gone, cluster, namespace, name)


def _leases(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have leases go as well: whoever stops everything stops their holders, too."""
    with cluster.asked("leases"):
        items = cluster.coordination.list_lease_for_all_namespaces(label_selector=f"{MANAGED}={OURS}").items
    for each in items:
        namespace = each.metadata.namespace
        if is_due(each.metadata.annotations, due):
            what, version = f"lease of {namespace}: {each.spec.holder_identity}", each.metadata.resource_version
            yield what, partial(lease.remove, cluster, namespace, version if due else "")


def _erased(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have deleted namespaces be made again; not by a reaper, which would have to have every right there is."""
    for namespace in sorted(kept.names(cluster)) if due is None else ():

        def undo(namespace: str = namespace) -> None:
            estates.made_again(cluster, namespace)
            estates.forgotten(cluster, namespace)

        yield f"namespace {namespace}: deleted", undo


def _rotated(cluster: Cluster, due: datetime | None) -> Iterable[Left]:
    """Have Secrets get their old values; neither may a reaper look into everybody's Secrets."""
    with suppress(Forbidden):  # nor may everybody else
        for namespace, secret in rotations.kept(cluster) if due is None else ():
            back = partial(rotations.rotate_back, cluster, namespace, secret)
            yield f"{namespace}/{secret}: a Secret with other values", back


def _replacing(cluster: Cluster, label: str, due: datetime | None) -> Iterable[tuple[str, str, Mapping[str, str]]]:
    for kind in {kinds.DEPLOYMENT, kinds.ROLLOUT} & set(kinds.known(cluster)):
        with cluster.asked(kinds.RESOURCES[kind][1]):
            items = cluster.plain("get", f"{kinds.path(kind)}?labelSelector={label}")["items"]
        for each in items:
            meta = each["metadata"]
            if is_due(said := meta.get("annotations", {}), due):
                yield f"{kind}/{meta['name']}", meta["namespace"], said


def _pods(cluster: Cluster, label: str, due: datetime | None) -> Sequence[Any]:
    with cluster.asked("pods"):
        found: Sequence[Any] = cluster.core.list_pod_for_all_namespaces(label_selector=label).items
    return [pod for pod in found if is_due(pod.metadata.annotations, due)]


def _patched(cluster: Cluster, pod: Any, what: str, metadata: dict[str, Any]) -> Left:
    name, namespace = pod.metadata.name, pod.metadata.namespace

    def undo() -> None:
        with cluster.asked(f"{namespace}/{name}"):
            cluster.core.patch_namespaced_pod(name, namespace, {"metadata": metadata}, _content_type=MERGE)

    return f"{namespace}/{name}: {what}", undo
