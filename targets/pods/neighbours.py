"""Noisy neighbours: pods of ours on the hosts of nodes, which burn CPU or hold memory there. They end by themselves.

Outside the nodes' own limits, so that it is the host that gets scarce: how much of it a neighbour gets, its shares say.
"""

import json
import math
import os
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from targets import where
from targets.pods import beside, canary, rights
from targets.pods.policies import MANAGED, OURS
from targets.pods.rotations import Rotations
from targets.pods.workloads import Pod
from targets.target import TargetError, Unable
from targets.waiting import until

LOAD = f"{OURS}/load"  # their label: the load's id
KINDS = ("cpu", "memory")
STARTS_WITHIN_S, POLL_S = 60, 0.2
EACH_MB, APART_MB = 32, 32  # what a Python takes before it holds anything; and the pod
_ENDED = ("Succeeded", "Failed")
_WORKS = """
import os, sys, time
kind, workers, megabytes, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
ends = time.monotonic() + seconds
for _ in range(workers - 1):
    if not os.fork(): break
held = [bytearray(b"\\1") * (1 << 20) for _ in range(megabytes)]
open(f"/tmp/works-{os.getpid()}", "x").close()
turn = 0
while time.monotonic() < ends:
    if kind == "cpu": continue
    for at in range(0, 1 << 20, 4096): held[turn % megabytes][at] = turn & 255
    turn += 1
    time.sleep(0.05)
"""
_ASKS = "import glob, sys; sys.exit(len(glob.glob('/tmp/works-*')) < int(sys.argv[1]))"


class Neighbours(Rotations):
    """What is set to work beside the nodes."""

    def loadable(self, nodes: Collection[str], kind: str) -> bool:
        """Raise Unable for what cannot be set to work beside these nodes; False: not within their own limits."""
        if kind not in KINDS:
            raise Unable(f"{self.address}: pods of ours beside its nodes burn CPU or hold memory; not {kind}")
        self.permitted({pod.namespace for pod in self._those(nodes)}, rights.STRESS)
        return False

    def load(
        self,
        node: str,
        *,
        load_id: str,
        kind: str,
        workers: int,
        seconds: float,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Have a pod of ours at work on the node's host, and wait until all its programs are."""
        pod, megabytes = self._there(node), int((options or {}).get("megabytes", 0))
        body = _body(pod, load_id, [kind, str(workers), str(megabytes), f"{seconds:.3f}"], self.observer_image())
        with self.cluster.asked(f"a neighbour of {pod.namespace}/{pod.name}"):
            made = self.cluster.core.create_namespaced_pod(pod.namespace, body, _preload_content=False)
        name = json.loads(made.data)["metadata"]["name"]
        what = f"context {self.cluster.context}: {pod.namespace}/{name} to work on {pod.host}"
        try:
            now = until(partial(self._begun, pod.namespace, name), STARTS_WITHIN_S, what, POLL_S)
        except TargetError as error:
            raise TargetError(f"{error}; does every node have its image? --observer-image names another") from error
        if now["phase"] in _ENDED:
            raise TargetError(f"{what}: it ended, {now.get('message') or now.get('reason') or 'at once'}")

    def unload(self, load_id: str) -> None:
        """End the load of that id; nothing to do when there is none."""
        found = [(namespace, each["metadata"]["name"]) for namespace, each in self._neighbours(f"{LOAD}={load_id}")]
        with ThreadPoolExecutor(max(1, len(found))) as pool:
            list(pool.map(lambda each: beside.gone(self.cluster, *each), found))

    def loading(self, load_id: str) -> int:
        """Count the programs of that load which run."""
        running = [
            each for _, each in self._neighbours(f"{LOAD}={load_id}") if each["status"].get("phase") == "Running"
        ]
        return sum(int(each["spec"]["containers"][0]["command"][4]) for each in running)

    def loads(self) -> frozenset[str]:
        """List the ids of the loads at work."""
        there = [each for _, each in self._neighbours(LOAD) if each["status"].get("phase") not in _ENDED]
        return frozenset(each["metadata"]["labels"][LOAD] for each in there)

    def observer_image(self) -> str:
        """Name what pods of ours are made of: any image with a python3."""
        return os.environ.get(where.OBSERVER_IMAGE, canary.IMAGE)

    def _begun(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Give its status once it works, or has ended."""
        with self.cluster.asked(f"{namespace}/{name}"):
            answer = self.cluster.core.read_namespaced_pod(name, namespace, _preload_content=False)
        status: dict[str, Any] = json.loads(answer.data)["status"]
        works = any(each.get("ready") for each in status.get("containerStatuses", []))
        return status if works or status.get("phase") in _ENDED else None

    def _neighbours(self, labels: str) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for namespace in self._namespaces():
            with self.cluster.asked(f"pods of {namespace}"):
                listed = self.cluster.core.list_namespaced_pod(namespace, label_selector=labels, _preload_content=False)
            found += [(namespace, each) for each in json.loads(listed.data)["items"]]
        return found


def _body(pod: Pod, load_id: str, words: list[str], image: str) -> dict[str, Any]:
    """Write it: on that very host, whatever is to be kept away from there, and for so long."""
    _, workers, megabytes, seconds = words
    lives_s = math.ceil(float(seconds)) + STARTS_WITHIN_S
    most = f"{int(workers) * (int(megabytes) + EACH_MB) + APART_MB}Mi"
    asks = {"exec": {"command": ["python3", "-c", _ASKS, workers]}, "periodSeconds": 1, "timeoutSeconds": 10}
    return {
        "metadata": {
            "generateName": f"{OURS}-{load_id}-",
            "labels": {MANAGED: OURS, LOAD: load_id, "chaos-type": "stress"},
            "annotations": beside.over(lives_s),
        },
        "spec": {
            "nodeName": pod.host,
            "tolerations": [{"operator": "Exists"}],
            "terminationGracePeriodSeconds": beside.GRACE_S,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": lives_s,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "load",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python3", "-c", _WORKS, *words],
                    "workingDir": "/tmp",  # noqa: S108  a mark of each program that works is put there
                    "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": most}},
                    "readinessProbe": asks,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
