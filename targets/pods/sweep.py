"""Everything of ours in a cluster, by its labels alone: no journal, no knowledge of the system, every namespace.

What cannot be taken away but must be put back says on itself what it was, from before it was hurt.  Each step is one
list and a few changes at once, and again is the same as once.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from targets.pods import fewer
from targets.pods.cluster import Cluster
from targets.pods.policies import CUT, MANAGED, MARKED, OURS
from targets.pods.workloads import FIRST_COUNT, HELD, MERGE, SCALED, released
from targets.target import TargetError, TargetGone

TOGETHER = 16
Left = tuple[str, Callable[[], object]]  # what is there, and how it is taken away or put back


def left(cluster: Cluster) -> list[Left]:
    """List what bears our labels."""
    looks = (_policies, _marked, held, _scaled, _helpers)
    with ThreadPoolExecutor(len(looks)) as pool:
        return [each for found in pool.map(lambda look: look(cluster), looks) for each in found]


def sweep(cluster: Cluster) -> tuple[str, ...]:
    """Put everything of ours back; names what was there. TargetError names what could not be put back."""
    found = left(cluster)
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


def _policies(cluster: Cluster) -> Iterable[Left]:
    """Have a namespace's policies go by one call, however many they are."""
    wanted = f"{MANAGED}={OURS},{CUT}"
    with cluster.asked("networkpolicies"):
        items = cluster.networking.list_network_policy_for_all_namespaces(label_selector=wanted).items
    namespaces = sorted({each.metadata.namespace for each in items})
    for namespace in namespaces:
        count = sum(each.metadata.namespace == namespace for each in items)

        def undo(namespace: str = namespace) -> None:
            with cluster.asked(f"networkpolicies of {namespace}"):
                cluster.networking.delete_collection_namespaced_network_policy(namespace, label_selector=wanted)

        yield f"{count} policies in {namespace}", undo


def _marked(cluster: Cluster) -> Iterable[Left]:
    for pod in _pods(cluster, MARKED):
        ours = [key for key in pod.metadata.labels if key == MARKED or key.startswith(f"{OURS}/partition-")]
        yield _patched(cluster, pod, "labels of a cut", {"labels": dict.fromkeys(ours)})


def held(cluster: Cluster, namespace: str = "") -> Iterable[Left]:
    """List the pods that are held down, in one namespace or in all."""
    for pod in _pods(cluster, HELD):
        if namespace in ("", pod.metadata.namespace):
            yield _patched(cluster, pod, "held down", released(pod.metadata.finalizers))


def _scaled(cluster: Cluster) -> Iterable[Left]:
    with cluster.asked("deployments"):
        items = cluster.apps.list_deployment_for_all_namespaces(label_selector=SCALED).items
    for each in items:
        name, namespace = each.metadata.name, each.metadata.namespace
        was = (each.metadata.annotations or {}).get(FIRST_COUNT)
        yield f"{namespace}/{name}: scaled, was {was}", partial(fewer.given_back, cluster, namespace, name)


def _helpers(cluster: Cluster) -> Iterable[Left]:
    """Have pods of our own go: they end by themselves, later."""
    for pod in _pods(cluster, f"{MANAGED}={OURS}"):
        name, namespace = pod.metadata.name, pod.metadata.namespace

        def undo(name: str = name, namespace: str = namespace) -> None:
            with cluster.asked(f"{namespace}/{name}"):
                cluster.core.delete_namespaced_pod(name, namespace, body={"gracePeriodSeconds": 0})

        yield f"{namespace}/{name}: a pod of ours", undo


def _pods(cluster: Cluster, label: str) -> Sequence[Any]:
    with cluster.asked("pods"):
        found: Sequence[Any] = cluster.core.list_pod_for_all_namespaces(label_selector=label).items
    return found


def _patched(cluster: Cluster, pod: Any, what: str, metadata: dict[str, Any]) -> Left:
    name, namespace = pod.metadata.name, pod.metadata.namespace

    def undo() -> None:
        with cluster.asked(f"{namespace}/{name}"):
            cluster.core.patch_namespaced_pod(name, namespace, {"metadata": metadata}, _content_type=MERGE)

    return f"{namespace}/{name}: {what}", undo
