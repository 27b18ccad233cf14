"""A namespace whose quota is used up: what runs there goes on, and no pod can be made any more.

A quota of ours allows as many pods as there are none; somebody else's stay as they are.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from targets.pods import expiry, rights
from targets.pods.cluster import Cluster, Forbidden
from targets.pods.names import Names
from targets.pods.policies import MANAGED, OURS
from targets.pods.workloads import MERGE, matches
from targets.target import TargetGone
from targets.waiting import until

QUOTA = f"{OURS}/quota"  # a label of ours alone
NUDGED = f"{OURS}/nudged"  # an annotation that is there for a moment
_MAKERS = ("replica_set", "stateful_set")  # who makes pods, as the client's methods call them
IN_FORCE_WITHIN_S = 30.0
POLL_S = 0.1


class Quotas(Names):
    """How much the namespaces of the nodes may hold."""

    def exhaustible(self, components: Collection[str]) -> tuple[str, ...]:
        """Name the namespaces of these components. Unable without the right to use their quotas up."""
        there = sorted(self.namespaces(components))
        self.permitted(there, rights.QUOTA)
        return tuple(there)

    def use_up(self, quota: str, namespaces: Collection[str]) -> None:
        """Have no pod be made there any more, and wait until that holds; again is the same as once."""
        for namespace in namespaces:
            _put(self.cluster, namespace, quota, self.expires_at)
        for namespace in namespaces:
            until(partial(self._in_force, quota, namespace), IN_FORCE_WITHIN_S, f"quota {quota} to be in force", POLL_S)

    def free(self, quota: str, namespaces: Collection[str]) -> None:
        """Allow what there was before, and have whoever waits for pods try at once."""
        for namespace in namespaces:
            with suppress(TargetGone):
                given_back(self.cluster, namespace, quota)
            for kind, name in self._makers(namespace):
                _nudge(self.cluster, kind, namespace, name)

    def used_up(self) -> frozenset[str]:
        """List the ids under which quotas are used up."""
        with suppress(Forbidden):  # who may not look has not used up any
            return frozenset(name for name, _, _ in everywhere(self.cluster, self._namespaces()))
        return frozenset()

    def _in_force(self, quota: str, namespace: str) -> bool:
        """Tell whether the cluster has counted: before that it refuses to say."""
        found = [each for each in _listed(self.cluster, namespace) if each["metadata"]["name"] == quota]
        return any("pods" in each.get("status", {}).get("hard", {}) for each in found)

    def _makers(self, namespace: str) -> Iterable[tuple[str, str]]:
        """List who makes the components' pods: these wait longer after each refusal, up to a quarter of an hour."""
        wanted = [where.select for where in self._selections.values() if where.namespace == namespace]
        for kind in _MAKERS:
            with self.cluster.asked(f"workloads of {namespace}"):
                listed = getattr(self.cluster.apps, f"list_namespaced_{kind}")(namespace, _preload_content=False)
            for each in json.loads(listed.data)["items"]:
                labels = each["spec"]["template"]["metadata"].get("labels", {})
                if each["spec"].get("replicas") and any(matches(select, labels) for select in wanted):
                    yield kind, each["metadata"]["name"]


def everywhere(cluster: Cluster, namespaces: Collection[str] = ("",)) -> Iterable[tuple[str, str, Mapping[str, str]]]:
    """List our quotas: name, namespace, annotations; of all namespaces unless some are named."""
    for namespace in namespaces:
        for each in _listed(cluster, namespace):
            yield each["metadata"]["name"], each["metadata"]["namespace"], each["metadata"].get("annotations", {})


def given_back(cluster: Cluster, namespace: str, name: str) -> None:
    """Take one away. TargetGone when there is none."""
    with cluster.asked(f"quota {namespace}/{name}"):
        cluster.core.delete_namespaced_resource_quota(name, namespace)


def _listed(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    words: dict[str, Any] = {"label_selector": f"{MANAGED}={OURS},{QUOTA}", "_preload_content": False}
    with cluster.asked("quotas"):
        if namespace:
            answer = cluster.core.list_namespaced_resource_quota(namespace, **words)
        else:
            answer = cluster.core.list_resource_quota_for_all_namespaces(**words)
    found: list[dict[str, Any]] = json.loads(answer.data)["items"]
    return found


def _put(cluster: Cluster, namespace: str, quota: str, expires: datetime | None) -> None:
    if any(name == quota for name, _, _ in everywhere(cluster, [namespace])):
        return
    labels = {MANAGED: OURS, QUOTA: "true", "chaos-type": "quota"}
    metadata = {"name": quota, "labels": labels, "annotations": expiry.said(expires) if expires else {}}
    with cluster.asked(f"quota {namespace}/{quota}"):
        cluster.core.create_namespaced_resource_quota(
            namespace, {"metadata": metadata, "spec": {"hard": {"pods": "0"}}}
        )


def _nudge(cluster: Cluster, kind: str, namespace: str, name: str) -> None:
    """Have its controller look at it now: any change makes it do so."""
    for word in ("now", None):
        with suppress(TargetGone), cluster.asked(f"{namespace}/{name}"):
            patch = getattr(cluster.apps, f"patch_namespaced_{kind}")
            patch(name, namespace, {"metadata": {"annotations": {NUDGED: word}}}, _content_type=MERGE)
