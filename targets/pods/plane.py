"""The control plane of a kind cluster, taken away: nobody is placed, replaced or counted; what runs goes on.

Its parts are files that its host's kubelet keeps running: they lie aside meanwhile, where anybody finds them.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from targets.pods import onhost, power
from targets.pods.cluster import Cluster
from targets.target import TargetError
from targets.waiting import until

NAMESPACE = "kube-system"
SERVER = "kube-apiserver"  # the others end when they do not find it
PARTS = (SERVER, "kube-controller-manager", "kube-scheduler")
KEPT, ASIDE = "/etc/kubernetes/manifests", "/etc/kubernetes/drillyard"
NOTICED_S = 1.0  # a kubelet that has not seen yet that a file is gone would start what dies
SILENT_WITHIN_S, CLEARED_WITHIN_S, BACK_WITHIN_S = 90.0, 10.0, 180.0
POLL_S = 0.2
RUNTIMES, CALLED = "k8s.io", "io.kubernetes.container.name"  # as containerd knows a kubelet's containers
_MOVE = 'mkdir -p "$1" && for each in $2; do [ ! -e "$0/$each.yaml" ] || mv "$0/$each.yaml" "$1/"; done'
_KILLS = 'for each in $0; do pids=$(pgrep -f "(^|/)$each( |$)") && echo $pids && kill -KILL $pids; done; true'
_ENDED = f'for each in $0; do ctr --namespace {RUNTIMES} containers ls -q "labels.\\"{CALLED}\\"==$each"; done'


def host(name: str) -> str:
    """Name the container in which it runs."""
    return f"{name}-control-plane"


def take_away(name: str) -> None:
    """Have all its parts end, and wait until none runs; again is the same as once."""
    onhost.ran(host(name), ["sh", "-c", _MOVE, KEPT, ASIDE, " ".join(PARTS)])
    time.sleep(NOTICED_S)
    until(lambda: not _killed(name), SILENT_WITHIN_S, f"the control plane of {name} to end", POLL_S)


def bring_back(cluster: Cluster, name: str) -> None:
    """Have them run again, and wait until they and every host were heard of; nothing to do when they were not taken.

    A kubelet asks for its pods later, after waits of its own that grow with every refusal. Until then nothing starts on
    its host, and nothing leaves it.
    """
    if not is_away(name):
        return
    began = datetime.now(UTC)
    with suppress(TargetError):  # it comes back all the same, only later
        until(lambda: not _remains(name), CLEARED_WITHIN_S, f"what ran of {name}'s to be cleared away", POLL_S)
    onhost.ran(host(name), ["sh", "-c", _MOVE, ASIDE, KEPT, SERVER])
    until(partial(_answers, cluster), BACK_WITHIN_S, f"the API server of {name} to answer", POLL_S)
    onhost.ran(host(name), ["sh", "-c", f"{_MOVE} && rmdir {ASIDE}", ASIDE, KEPT, " ".join(PARTS)])
    heard = [(each, power.LEASES) for each in power.hosts(name)] + [(each, NAMESPACE) for each in PARTS[1:]]
    for who, among in heard:
        until(partial(was_heard, cluster, who, among, began), BACK_WITHIN_S, f"{who} to be heard of", POLL_S)


def was_heard(cluster: Cluster, who: str, among: str, since: datetime) -> bool:
    """Tell whether a host, or a part of the plane, has said since then that it is there; `among` as for `renewed`."""
    return power.renewed(cluster, who, among) > since


def is_away(name: str) -> bool:
    """Tell whether they were taken away and not brought back."""
    return bool(onhost.ran(host(name), ["sh", "-c", f"ls {ASIDE} 2>/dev/null || true"]).strip())


def spelled(name: str) -> str:
    """Say in the engine's own words how to bring them back."""
    return f"docker exec {host(name)} sh -c 'mv {ASIDE}/*.yaml {KEPT}/ && rmdir {ASIDE}'"


def _killed(name: str) -> str:
    """Kill those that run still: a kubelet asks them to end, and waits half a minute. Gives the pids there were."""
    return onhost.ran(host(name), ["sh", "-c", _KILLS, " ".join(PARTS)]).strip()


def _remains(name: str) -> str:
    """Name the containers of ended parts: while its kubelet knows of any it waits, ever longer, with the next one."""
    return onhost.ran(host(name), ["sh", "-c", _ENDED, " ".join(PARTS)]).strip()


def _answers(cluster: Cluster) -> bool:
    with cluster.asked("whether it is ready"):
        cluster.core.list_namespace(limit=1, _preload_content=False)
    return True
