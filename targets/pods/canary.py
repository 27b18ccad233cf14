"""Three pods of ours that tell whether anybody enforces a policy: the API server only takes note of it.

A policy of their own cuts the first one off from the second, not from the third: it holds when the first one reaches
only the third.  Nobody else is named by it.  They end by themselves, whatever becomes of us.
"""

import os
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from targets import where
from targets.pods import beside, policies, workloads
from targets.pods.cluster import Cluster
from targets.pods.policies import FROM, MANAGED, OURS, TO
from targets.pods.workloads import Pod, Selection
from targets.rules import Rule
from targets.target import TargetError
from targets.waiting import until

IMAGE = "python:3-alpine"  # any with a python3; --observer-image names another
CANARY = "drillyard/canary"  # their label
OTHER = "other"
PORT = 8080
STARTS_WITHIN_S, ENFORCED_WITHIN_S, LIVES_S = 60, 15, 180
POLL_S = 0.2
HOLDS, DOES_NOT_HOLD, CANNOT_TELL = 0, 1, 2
_SERVES = f"import http.server as h; h.HTTPServer(('', {PORT}), h.SimpleHTTPRequestHandler).serve_forever()"
_ASKS = f"""
import socket, sys, time
def reached(host):
    try: socket.create_connection((host, {PORT}), timeout=1).close()
    except OSError: return False
    return True
protected, other = sys.argv[1:]
ends = time.monotonic() + {STARTS_WITHIN_S}
while not reached(other):
    if time.monotonic() > ends: sys.exit({CANNOT_TELL})
    time.sleep(0.1)
ends = time.monotonic() + {ENFORCED_WITHIN_S}
while time.monotonic() < ends:
    if not reached(protected) and reached(other): sys.exit({HOLDS})
    time.sleep(0.1)
sys.exit({DOES_NOT_HOLD})
"""
# one that does not listen yet must not be taken for one that is cut off; a kubelet's probes pass policies
_LISTENS: dict[str, Any] = {"readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1}}
_seen: dict[tuple[str, str], float | None] = {}


def enforced_after(cluster: Cluster, namespace: str) -> float | None:
    """Say within how many seconds policies are enforced in a namespace, None when they are not; looked at once.

    TargetError when the pods cannot be started there, or do not reach one another without a policy.
    """
    if (cluster.context, namespace) not in _seen:
        rule_id = f"canary-{uuid.uuid4().hex[:8]}"
        try:
            _seen[cluster.context, namespace] = _tried(cluster, namespace, rule_id)
        finally:
            _take_away(cluster, namespace, rule_id)
    return _seen[cluster.context, namespace]


def _take_away(cluster: Cluster, namespace: str, rule_id: str) -> None:
    policies.uncut(cluster, [namespace], rule_id, ())
    with ThreadPoolExecutor(len((FROM, TO, OTHER))) as pool:
        list(pool.map(lambda pod: beside.gone(cluster, namespace, pod.name), _every(cluster, namespace)))


def _tried(cluster: Cluster, namespace: str, rule_id: str) -> float | None:
    """Have one pod named as a source, one as a destination, one not at all, and ask the first one whom it reaches."""
    for role in (TO, OTHER):
        _start(cluster, namespace, f"{rule_id}-{role}", ["python3", "-c", _SERVES], serves=True)
    servers = {role: _running(cluster, namespace, f"{rule_id}-{role}") for role in (TO, OTHER)}
    asks = ["python3", "-c", _ASKS, servers[TO].address, servers[OTHER].address]
    _start(cluster, namespace, f"{rule_id}-{FROM}", asks)
    source = _running(cluster, namespace, f"{rule_id}-{FROM}")
    rule = Rule(id=rule_id, sources=(source.name,), destinations=(servers[TO].name,), mode="drop")
    ends = datetime.now(UTC) + timedelta(seconds=LIVES_S)
    policies.cut(cluster, rule, [source], [servers[TO]], ends)
    began = time.monotonic()
    code = beside.ended(cluster, namespace, source.name, STARTS_WITHIN_S + ENFORCED_WITHIN_S)
    if code == CANNOT_TELL:
        raise TargetError(f"context {cluster.context}: two pods of ours in {namespace} do not reach one another")
    return time.monotonic() - began if code == HOLDS else None


def _start(cluster: Cluster, namespace: str, named: str, argv: list[str], *, serves: bool = False) -> None:
    body = {
        "metadata": {
            "name": named,
            "labels": {MANAGED: OURS, CANARY: "true"},
            "annotations": beside.over(LIVES_S),
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIVES_S,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [_container(argv) | (_LISTENS if serves else {})],
        },
    }
    with cluster.asked(f"{namespace}/{named}"):
        cluster.core.create_namespaced_pod(namespace, body, _preload_content=False)


def _container(argv: list[str]) -> dict[str, Any]:
    few = {"cpu": "20m", "memory": "32Mi"}
    return {
        "name": "canary",
        "image": os.environ.get(where.OBSERVER_IMAGE, IMAGE),
        "imagePullPolicy": "IfNotPresent",
        "command": argv,
        "workingDir": "/tmp",  # noqa: S108  nothing is written there
        "resources": {"requests": few, "limits": {"cpu": "200m", "memory": "64Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def _every(cluster: Cluster, namespace: str) -> Sequence[Pod]:
    return workloads.of(cluster, {"canary": Selection(namespace=namespace, select=f"{CANARY}=true")})["canary"]


def _running(cluster: Cluster, namespace: str, named: str) -> Pod:
    """Wait until one of them runs, and listens if it is to. TargetError with the cure when it does not."""

    def found() -> Pod | None:
        return next((pod for pod in _every(cluster, namespace) if pod.name == named and pod.ready), None)

    try:
        return until(found, STARTS_WITHIN_S, f"context {cluster.context}: {namespace}/{named} to run", POLL_S)
    except TargetError as error:
        raise TargetError(f"{error}; does every node have its image? --observer-image names another") from error
