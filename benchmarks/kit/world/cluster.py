"""A lab on a kind cluster, as kubectl tells it: every object of its namespace, the hosts, and what bears our labels.

A pod of a Deployment is named by its workload, how many are alike is told: their own names are new each time.  What is
inside the pods is not looked at.
"""

import json
import os
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.kit import world
from benchmarks.kit.world.where import Facts
from targets.pods import clusters
from targets.pods.cluster import Cluster
from targets.pods.policies import MANAGED, OURS
from targets.target import TargetError

ANSWER_S = 30.0
# all that is somebody's wish; endpoints, events and replica sets follow from it
KINDS = (
    "configmaps,cronjobs,daemonsets,deployments,horizontalpodautoscalers,ingresses,jobs,leases,limitranges,"
    "networkpolicies,persistentvolumeclaims,poddisruptionbudgets,pods,replicationcontrollers,resourcequotas,roles,"
    "rolebindings,secrets,serviceaccounts,services,statefulsets"
)
WIDE = "nodes,namespaces,persistentvolumes,clusterroles,clusterrolebindings"
_COUNTED = ("metadata.annotations.deployment.kubernetes.io/revision",)  # grows with every change, undone or not
_MUTABLE = ("labels", "annotations", "finalizers")
_RANDOM = ("pod-template-hash", "kubernetes.io/hostname")


def snapshot(lab: str | None, *, state: Path | None = None, tmp: Path | None = None) -> world.World:
    """Look at everything of a lab, "CLUSTER/NAMESPACE"; None: at what of ours is in the cluster that is in use."""
    from targets import where  # noqa: PLC0415  named as the look's own module is

    beside = world.snapshot(None, state=state, tmp=tmp)
    name, _, namespace = lab.partition("/") if lab else (os.environ[where.KIND_CLUSTER], "", "")
    return replace(beside, engine=_objects(clusters.find(name), namespace))


def _objects(cluster: Cluster, namespace: str) -> Facts:
    found = _listed(cluster, f"get {WIDE}")
    found += _listed(cluster, f"get {KINDS} -n {namespace}") if namespace else []
    found += _listed(cluster, f"get {KINDS} -A -l {MANAGED}={OURS}")
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for each in {each["metadata"]["uid"]: each for each in found}.values():
        for thing, how in _facts(each):
            counted[thing][how] += 1
    return {thing: ", ".join(_counted(hows)) for thing, hows in counted.items()}


def _counted(hows: Mapping[str, int]) -> list[str]:
    return [f"{how}, {times} times" if times > 1 else how for how, times in sorted(hows.items())]


def _listed(cluster: Cluster, words: str) -> list[dict[str, Any]]:
    argv = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context, *words.split()]
    ran = subprocess.run([*argv, "-o", "json"], capture_output=True, text=True, timeout=ANSWER_S, check=False)
    if ran.returncode:
        raise TargetError(f"kubectl {words}: {ran.stderr.strip()[-300:]}")
    found: list[dict[str, Any]] = json.loads(ran.stdout)["items"]
    return found


def _facts(each: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tell an object's existence, its state, and its wishes leaf by leaf."""
    meta, kind = each["metadata"], each["kind"]
    thing = f"{kind} {_named(each)}"
    yield thing, _state(each)
    wished = {"metadata": {key: meta.get(key) for key in _MUTABLE}}
    if kind != "Pod":  # whose own wishes cannot be changed
        rest = {key: value for key, value in each.items() if key not in ("metadata", "status", "apiVersion", "kind")}
        wished |= rest
    for path, how in _leaves(wished):
        if path not in _COUNTED and path.rpartition(".")[2] not in _RANDOM:
            yield f"{thing}: {path}", how


def _named(each: Mapping[str, Any]) -> str:
    meta = each["metadata"]
    owner = next((each["name"] for each in meta.get("ownerReferences", []) if each["kind"] == "ReplicaSet"), "")
    name = f"of {owner.rpartition('-')[0]}" if owner else meta["name"]
    return f"{name} in {meta['namespace']}" if "namespace" in meta else str(name)


def _state(each: Mapping[str, Any]) -> str:
    status, going = each.get("status", {}), ", going" if "deletionTimestamp" in each["metadata"] else ""
    ready = [one["status"] for one in status.get("conditions", []) if one["type"] == "Ready"]
    return f"{status.get('phase', 'there')}{', ready' if ready == ['True'] else ''}{going}"


def _leaves(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    pairs = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    if not isinstance(found, dict | list):
        yield path, str(found)
    for key, value in pairs:
        if value is not None:
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
