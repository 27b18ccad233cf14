"""What operators do by hand to workloads that do not help themselves: restarted, let go of dead hosts, unblocked."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from typing import Any

from targets.pods import deployments, kinds, policies, workloads
from targets.pods.cluster import Cluster
from targets.pods.neighbours import Neighbours
from targets.pods.policies import CUT, MANAGED, OURS
from targets.waiting import until

RESTARTED = "kubectl.kubernetes.io/restartedAt"  # of a pod template: what `kubectl rollout restart` changes
RESTARTED_WITHIN_S, POLL_S = 300.0, 0.2


class Remedies(Neighbours):
    """Help for the workloads of the components."""

    def restart(self, component: str) -> None:
        """Have all pods of a component replaced in its workloads' own order, and wait until the new ones serve."""
        self.known(component)
        where = self._selections[component]
        owners = list(workloads.owners(self.cluster, where))
        now = datetime.now(UTC)
        for owner in owners:
            restart(self.cluster, where.namespace, owner, now)
        for owner in owners:
            what = f"context {self.cluster.context}: {owner} in {where.namespace} to be restarted"
            until(partial(_is_rolled_out, self.cluster, where.namespace, owner), RESTARTED_WITHIN_S, what, POLL_S)

    def unheard(self) -> frozenset[str]:
        """Name the hosts that nobody has heard of for longer than the cluster waits."""
        with self.cluster.asked("nodes"):
            listed = json.loads(self.cluster.core.list_node(_preload_content=False).data)["items"]
        return frozenset(each["metadata"]["name"] for each in listed if _ready(each) == "Unknown")

    def forsake(self, component: str, hosts: Collection[str]) -> tuple[str, ...]:
        """Delete a component's pods on dead hosts without waiting for these, and name them.

        Its workloads replace them elsewhere.  Only for hosts that are surely dead: a pod that still runs would have a
        second one beside it, on the same data.
        """
        left = [pod for pod in self.pods(component) if pod.host in hosts]
        for pod in left:
            workloads.delete(self.cluster, pod.namespace, pod.name, pod.uid, 0)
        return tuple(self.named(pod) for pod in left)

    def has_all(self, component: str) -> bool:
        """Tell whether a component has as many pods that serve, on hosts that are heard of, as it is to have."""
        lost, wanted = self.unheard(), sum(workloads.owners(self.cluster, self._selections[component]).values())
        return sum(pod.ready and pod.host not in lost for pod in self.pods(component)) >= wanted

    def blocking(self, component: str) -> tuple[str, ...]:
        """Name the policies of drills that concern a component's pods: what they may do by others' is not ours."""
        pods = self.pods(component)
        return tuple(
            sorted(
                each
                for each in policies.cuts(self.cluster, self.namespaces([component]))
                if any(policies.label(each) in pod.labels for pod in pods)
            )
        )

    def unblock(self, component: str, names: Collection[str]) -> None:
        """Delete these policies of drills; others' with such a name stay."""
        (namespace,) = self.namespaces([component])
        for each in names:
            with self.cluster.asked(f"networkpolicies of {namespace}"):
                self.cluster.networking.delete_collection_namespaced_network_policy(
                    namespace, label_selector=f"{MANAGED}={OURS},{CUT}={each}"
                )


def restart(cluster: Cluster, namespace: str, owner: str, at: datetime) -> None:
    """Change its pods' template as `kubectl rollout restart` does; tell a Rollout when, as Argo's plugin does."""
    if owner.startswith(f"{kinds.ROLLOUT}/"):
        body: dict[str, Any] = {"restartAt": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    else:
        body = {"template": {"metadata": {"annotations": {RESTARTED: at.isoformat(timespec="microseconds")}}}}
    deployments.patch(cluster, namespace, owner, {"spec": body})


def _is_rolled_out(cluster: Cluster, namespace: str, owner: str) -> bool:
    """Tell whether all its pods are of its present template, and serve."""
    now = deployments.read(cluster, namespace, owner)
    status, wanted = now["status"], now["spec"].get("replicas", 1)
    if not deployments.is_seen(now) or status.get("restartedAt") != now["spec"].get("restartAt"):
        return False
    counts = [status.get(each, 0) for each in ("replicas", "updatedReplicas", "readyReplicas")]
    # a StatefulSet counts those of its last template again as soon as nothing is left of the one before
    return counts == [wanted] * len(counts) or (
        now["kind"] == kinds.STATEFUL_SET
        and status.get("currentRevision") == status.get("updateRevision")
        and status.get("readyReplicas", 0) == wanted
    )


def _ready(host: dict[str, Any]) -> str:
    return next((str(each["status"]) for each in host["status"]["conditions"] if each["type"] == "Ready"), "Unknown")
