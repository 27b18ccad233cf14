"""Many artefacts of drills in a cluster, for whoever takes them away: policies, and pods that nobody starts."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

from targets.pods import policies
from targets.pods.cluster import Cluster
from targets.pods.policies import MANAGED, OURS
from targets.rules import Rule

TOGETHER = 16
A_POD_IN = 10  # every tenth is a pod
NAMESPACES = 10
_NAMED = f"{OURS}-artefacts"


@contextmanager
def namespaces(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    """Make some for a while."""
    names = tuple(f"{_NAMED}-{number}" for number in range(NAMESPACES))
    try:
        for name in names:
            with cluster.asked(f"namespace {name}"):
                cluster.core.create_namespace({"metadata": {"name": name}})
        yield names
    finally:
        for name in names:
            with cluster.asked(f"namespace {name}"):
                cluster.core.delete_namespace(name)


def strewn(cluster: Cluster, where: tuple[str, ...], count: int) -> None:
    """Leave so many there, spread evenly, with the labels by which a runbook's commands find them and with ours."""
    with ThreadPoolExecutor(TOGETHER) as pool:
        list(pool.map(partial(_one, cluster, where), range(count)))


def left(cluster: Cluster, where: tuple[str, ...]) -> int:
    """Count those that are there, whatever their labels say."""
    return sum(_count(cluster, name) for name in where)


def _one(cluster: Cluster, where: tuple[str, ...], number: int) -> None:
    namespace = where[number % len(where)]
    with cluster.asked(f"artefact {number} in {namespace}"):
        if number // len(where) % A_POD_IN == 0:
            cluster.core.create_namespaced_pod(namespace, _pod(number))
        else:
            cluster.networking.create_namespaced_network_policy(namespace, _policy(number))


def _policy(number: int) -> dict[str, Any]:
    rule = Rule(id=f"partition-{number}", sources=("a",), destinations=("b",), mode="drop")
    written = policies.written(rule, ())
    written["metadata"]["labels"] |= {"chaos-experiment": "artefacts"}
    return written


def _pod(number: int) -> dict[str, Any]:
    """Write one that stays where it is: no scheduler of its name exists."""
    return {
        "metadata": {
            "name": f"stress-{number}",
            "labels": {MANAGED: OURS, "chaos-type": "resource-exhaustion"},
        },
        "spec": {"schedulerName": "nobody", "containers": [{"name": "stress", "image": "none"}]},
    }


def _count(cluster: Cluster, namespace: str) -> int:
    with cluster.asked(f"artefacts of {namespace}"):
        listed = (
            cluster.networking.list_namespaced_network_policy(namespace, _preload_content=False),
            cluster.core.list_namespaced_pod(namespace, _preload_content=False),
        )
        return sum(len(json.loads(answer.data)["items"]) for answer in listed)
