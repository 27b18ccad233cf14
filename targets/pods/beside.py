"""Commands beside the data of a pod that does not run: in one of their own, with the same volume."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from targets.pods import expiry
from targets.pods.cluster import Cluster
from targets.pods.commands import Said
from targets.pods.policies import MANAGED, OURS
from targets.target import TargetError, TargetGone
from targets.waiting import until

VOLUME, MOUNTED = "lab", "/lab"
STARTS_WITHIN_S = 30.0
POLL_S = 0.2
GRACE_S, GONE_WITHIN_S = 1, 30.0
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is to be run, where, and with what in its environment."""

    argv: Sequence[str]
    folder: str
    known: Mapping[str, str]
    timeout: float


def ran(cluster: Cluster, namespace: str, pod: str, command: Command) -> Said:
    """Run a command in a new pod that has the volume of `pod`, a StatefulSet's; what it prints is one text.

    It ends by itself, whatever becomes of us. TargetError when it does not start, or not end in time.
    """
    body = _body(pod, image(cluster, namespace, pod), command)
    with cluster.asked(f"a pod beside {namespace}/{pod}"):
        made = json.loads(cluster.core.create_namespaced_pod(namespace, body, _preload_content=False).data)
    name = made["metadata"]["name"]
    try:
        code = ended(cluster, namespace, name, STARTS_WITHIN_S + command.timeout)
        with cluster.asked(f"the log of {namespace}/{name}"):
            said = str(cluster.core.read_namespaced_pod_log(name, namespace))
    finally:
        gone(cluster, namespace, name)
    return code, said, said if code else ""


def gone(cluster: Cluster, namespace: str, name: str) -> None:
    """Take away a pod of ours, and wait until it is. TargetError when its kubelet does not say that it has ended.

    With a grace: by force its name would be gone at once, while it might still work beside somebody else's data.
    """

    def is_gone() -> bool:
        try:
            with cluster.asked(f"{namespace}/{name}"):
                cluster.core.read_namespaced_pod(name, namespace, _preload_content=False)
        except TargetGone:
            return True
        return False

    with suppress(TargetGone), cluster.asked(f"{namespace}/{name}"):
        cluster.core.delete_namespaced_pod(
            name, namespace, body={"gracePeriodSeconds": GRACE_S}, _preload_content=False
        )
        until(is_gone, GONE_WITHIN_S, f"{namespace}/{name} to be gone", POLL_S)


def over(lives_s: int) -> dict[str, str | None]:
    """Write when a pod that starts now, and lives so long, may be taken away by anybody."""
    return expiry.said(datetime.now(UTC) + timedelta(seconds=lives_s))


def image(cluster: Cluster, namespace: str, pod: str) -> str:
    """Name what a StatefulSet's pod is made of."""
    owner = pod.rpartition("-")[0]
    with cluster.asked(f"statefulset {namespace}/{owner}"):
        found = json.loads(cluster.apps.read_namespaced_stateful_set(owner, namespace, _preload_content=False).data)
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def _body(pod: str, made_of: str, command: Command) -> dict[str, Any]:
    lives_s = int(STARTS_WITHIN_S + command.timeout)
    container = {
        "name": "beside",
        "image": made_of,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command.argv),
        "workingDir": command.folder,
        "env": [{"name": key, "value": value} for key, value in command.known.items()],
        "volumeMounts": [{"name": VOLUME, "mountPath": MOUNTED}],
    }
    return {
        "metadata": {"generateName": f"{OURS}-beside-{pod}-", "labels": {MANAGED: OURS}, "annotations": over(lives_s)},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": lives_s,
            "containers": [container],
            "volumes": [{"name": VOLUME, "persistentVolumeClaim": {"claimName": f"{VOLUME}-{pod}"}}],
        },
    }


def ended(cluster: Cluster, namespace: str, name: str, within_s: float) -> int:
    """Wait for the end of a pod's first container, and give its exit code. TargetError when it does not come."""
    until = time.monotonic() + within_s
    while True:
        with cluster.asked(f"{namespace}/{name}"):
            now = json.loads(cluster.core.read_namespaced_pod(name, namespace, _preload_content=False).data)["status"]
        states = [each["state"].get("terminated") for each in now.get("containerStatuses", [])]
        if now.get("phase") in _ENDED and states and states[0]:
            return int(states[0]["exitCode"])
        if time.monotonic() > until:
            raise TargetError(f"context {cluster.context}: {namespace}/{name} did not end within {within_s:.0f} s")
        time.sleep(POLL_S)
