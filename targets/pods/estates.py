"""Whole namespaces: deleted with all that is in them, and made again from what was kept of them.

Nothing in them may be somebody else's, and the data of their volumes stays until they are made again.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial

from targets.pods import kept, manifests, retained, rights, velero
from targets.pods.cluster import Cluster, Forbidden
from targets.pods.quotas import Quotas
from targets.pods.workloads import matches
from targets.target import TargetError, TargetGone, Unable
from targets.waiting import until

GONE_WITHIN_S = 180.0
THERE_WITHIN_S = 180.0
POLL_S = 0.2


class Estates(Quotas):
    """The namespaces of the nodes."""

    def estates(self, components: Collection[str]) -> Mapping[str, str]:
        """Map the namespaces of these components to their uids. Unable: no right to, or others live there, too."""
        there = sorted(self.namespaces(components))
        self.permitted(there, rights.ERASE)
        for namespace in there:
            self._is_ours_alone(namespace)
        return {namespace: uid for namespace in there if (uid := self.standing(namespace))}

    def tenants(self, namespaces: Collection[str]) -> tuple[str, ...]:
        """Name the nodes that are in these namespaces, of whatever component."""
        every = (pod for pods in self.everywhere().values() for pod in pods)
        return tuple(self.named(pod) for pod in every if pod.namespace in namespaces)

    def standing(self, namespace: str) -> str | None:
        """Give the uid of a namespace, None when there is none."""
        return standing(self.cluster, namespace)

    def erase(self, namespace: str) -> None:
        """Delete it with all that is in it, and wait until it is gone; again is the same as once."""
        if kept.read(self.cluster, namespace) is None:
            kept.put(self.cluster, namespace, manifests.of(self.cluster, namespace), self.expires_at)
        retained.keep(self.cluster, namespace)
        try:
            with self.cluster.asked(f"namespace {namespace}"):
                self.cluster.core.delete_namespace(namespace)
        except TargetGone:
            return
        until(lambda: not self.standing(namespace), GONE_WITHIN_S, f"namespace {namespace} to be gone", POLL_S)

    def rebuild(self, namespace: str) -> None:
        """Make what is not there of it, and wait until its workloads have their pods; nothing to do when none is kept.

        Volumes whose claims are gone find them again, with their data.  TargetError: what cannot be made.
        """
        if namespace in kept.names(self.cluster):
            made_again(self.cluster, namespace)
            self._await_all(namespace)
            forgotten(self.cluster, namespace)

    def erased(self) -> frozenset[str]:
        """Name the namespaces that we deleted, or were about to, and have not made again."""
        with suppress(Forbidden):  # who may not look has not deleted any
            return kept.names(self.cluster) & frozenset(self._namespaces())
        return frozenset()

    def back_up(self, namespace: str, seconds: float) -> str:
        """Have Velero back it up, for so long. Gives the backup's name. Unable without Velero."""
        return velero.back_up(self.cluster, namespace, seconds)

    def restore(self, namespace: str) -> str:
        """Have Velero restore it from its newest backup, and wait until its workloads have their pods. Gives its name.

        TargetError when there is no backup, or restoring fails.
        """
        backup = velero.newest(self.cluster, namespace)
        velero.restore(self.cluster, namespace, backup)
        self._await_all(namespace)
        return backup

    def backs_up(self) -> None:
        """Raise Unable where Velero is not installed, or may not be asked."""
        self.permitted(self._namespaces(), rights.BACKUP)
        velero.home(self.cluster)

    def _await_all(self, namespace: str) -> None:
        for name, where in self._selections.items():
            if where.namespace == namespace:
                until(partial(self._has_all, name), THERE_WITHIN_S, f"the pods of {name} to be ready", POLL_S)

    def _is_ours_alone(self, namespace: str) -> None:
        """Raise Unable when pods run there that are of no component."""
        with self.cluster.asked(f"pods of {namespace}"):
            listed = json.loads(self.cluster.core.list_namespaced_pod(namespace, _preload_content=False).data)["items"]
        wanted = [where.select for where in self._selections.values() if where.namespace == namespace]
        others = [
            each["metadata"]["name"]
            for each in listed
            if not any(matches(select, each["metadata"].get("labels", {})) for select in wanted)
        ]
        if others:
            raise Unable(
                f"namespace {namespace} has pods that are of no component of the system ({', '.join(others[:5])}), "
                "and would go with it: say whose they are in the system's file"
            )


def standing(cluster: Cluster, namespace: str) -> str | None:
    """Give the uid of a namespace, None when there is none."""
    try:
        with cluster.asked(f"namespace {namespace}"):
            found = json.loads(cluster.core.read_namespace(namespace, _preload_content=False).data)
    except TargetGone:
        return None
    return str(found["metadata"]["uid"])


def made_again(cluster: Cluster, namespace: str) -> None:
    """Make what is not there of a namespace that is kept, once it is gone or stays."""
    whole = kept.read(cluster, namespace)
    until(lambda: not _is_going(cluster, namespace), GONE_WITHIN_S, f"namespace {namespace} to be gone", POLL_S)
    if whole is None:  # it was never deleted by us: that comes after it is kept
        if standing(cluster, namespace) is None:
            raise TargetError(f"context {cluster.context}: namespace {namespace} is gone, and nothing of it is kept")
        return
    manifests.make(cluster, whole[:1])
    retained.free(cluster, namespace)
    manifests.make(cluster, whole[1:])


def forgotten(cluster: Cluster, namespace: str) -> None:
    """Keep it no more, and let its volumes be as they were."""
    retained.give_back(cluster, namespace)
    kept.remove(cluster, namespace)


def _is_going(cluster: Cluster, namespace: str) -> bool:
    try:
        with cluster.asked(f"namespace {namespace}"):
            found = json.loads(cluster.core.read_namespace(namespace, _preload_content=False).data)
    except TargetGone:
        return False
    return "deletionTimestamp" in found["metadata"]
