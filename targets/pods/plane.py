"""The control plane of a kind cluster, taken away: nobody is placed, replaced or counted; what runs goes on.

Its parts are files that its host's kubelet keeps running: they lie aside meanwhile, where anybody finds them.
"""

import time
from datetime import UTC, datetime
from functools import partial

from targets.pods import onhost, power
from targets.pods.cluster import Cluster
from targets.waiting import until

NAMESPACE = "kube-system"
PARTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
KEPT, ASIDE = "/etc/kubernetes/manifests", "/etc/kubernetes/drillyard"
NOTICED_S = 1.0  # a kubelet that has not seen yet that a file is gone would start what dies
SILENT_WITHIN_S, BACK_WITHIN_S = 90.0, 180.0
POLL_S = 0.2
_MOVE = 'mkdir -p "$1" && for each in $2; do [ ! -e "$0/$each.yaml" ] || mv "$0/$each.yaml" "$1/"; done'
_KILLS = 'for each in $0; do pids=$(pgrep -f "(^|/)$each( |$)") && echo $pids && kill -KILL $pids; done; true'


def host(name: str) -> str:
    """Name the container in which it runs."""
    return f"{name}-control-plane"


def take_away(name: str) -> None:
    """Have all its parts end, and wait until none runs; again is the same as once."""
    onhost.ran(host(name), ["sh", "-c", _MOVE, KEPT, ASIDE, " ".join(PARTS)])
    time.sleep(NOTICED_S)
    until(lambda: not _killed(name), SILENT_WITHIN_S, f"the control plane of {name} to end", POLL_S)


def bring_back(cluster: Cluster, name: str) -> None:
    """Have them run again, and wait until they and every host were heard of; nothing to do when they were not taken."""
    if not is_away(name):
        return
    began = datetime.now(UTC)
    onhost.ran(host(name), ["sh", "-c", f"{_MOVE} && rmdir {ASIDE}", ASIDE, KEPT, " ".join(PARTS)])
    until(partial(_answers, cluster), BACK_WITHIN_S, f"the API server of {name} to answer", POLL_S)
    heard = [(each, power.LEASES) for each in power.hosts(name)] + [(each, NAMESPACE) for each in PARTS[1:]]
    for who, among in heard:
        until(partial(_was_heard, cluster, who, among, began), BACK_WITHIN_S, f"{who} to be heard of", POLL_S)


def is_away(name: str) -> bool:
    """Tell whether they were taken away and not brought back."""
    return bool(onhost.ran(host(name), ["sh", "-c", f"ls {ASIDE} 2>/dev/null || true"]).strip())


def spelled(name: str) -> str:
    """Say in the engine's own words how to bring them back."""
    return f"docker exec {host(name)} sh -c 'mv {ASIDE}/*.yaml {KEPT}/ && rmdir {ASIDE}'"


def _killed(name: str) -> str:
    """Kill those that run still: a kubelet asks them to end, and waits half a minute. Gives the pids there were."""
    return onhost.ran(host(name), ["sh", "-c", _KILLS, " ".join(PARTS)]).strip()


def _answers(cluster: Cluster) -> bool:
    with cluster.asked("whether it is ready"):
        cluster.core.list_namespace(limit=1, _preload_content=False)
    return True


def _was_heard(cluster: Cluster, who: str, among: str, since: datetime) -> bool:
    return power.renewed(cluster, who, among) > since
