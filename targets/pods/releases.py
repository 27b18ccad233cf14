"""Bad releases of a Deployment: its first container cannot run any more, and it says on itself what that one was.

The workload's own strategy decides what becomes of the pods that serve.  Nothing is pulled: nobody is asked for an
image that does not exist.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from targets.pods import deployments, workloads
from targets.pods.cluster import Cluster
from targets.pods.containers import Containers
from targets.pods.deployments import Found
from targets.pods.workloads import RELEASED
from targets.target import BadInput

CRASHING, MISSING = "crashing", "missing-image"
BAD: Mapping[str, Mapping[str, Any]] = {
    CRASHING: {"command": ["/drillyard-crashes-at-its-start"], "args": None},
    MISSING: {"image": "drillyard.invalid/no-such-image", "imagePullPolicy": "Never"},
}
BEFORE = "drillyard/release"  # an annotation, JSON: which one is in force, which was, and what that one was like
REVISION = "deployment.kubernetes.io/revision"
_REPLACED = ("image", "imagePullPolicy", "command", "args")
_DEPLOYMENT = "Deployment/"


class Releases(Containers):
    """The releases of the components that are Deployments."""

    def releases(self, node: str) -> tuple[str, ...]:
        """List what the node's Deployment was given, oldest first: "revision-3", "crashing"; () where it has none."""
        found = self._deployment(node)
        return given(deployments.read(self.cluster, *found)) if found else ()

    def deploy(self, node: str, release: str) -> None:
        """Have the Deployment bring that release, or the one that it had before. BadInput names those there are."""
        found = self._deployment(node)
        known = (*BAD, *self.releases(node)[:1]) if found else ()
        if not found or release not in known:
            raise BadInput(f"{node} has no release {release!r}; it has {', '.join(known) or 'only the one it runs'}")
        if release in BAD:
            bring(self.cluster, *found, release, self.expires_at)
        else:
            taken_back(self.cluster, *found)

    def restarts(self, node: str) -> int:
        """Count how often those of its Deployment's pods had to be started again that are not ready."""
        return max((pod.restarts for pod in self.pods(self._family(node)) if not pod.ready), default=0)

    def strayed(self) -> tuple[str, ...]:
        """Name the Deployments that were given a release of ours."""
        found = []
        for component, where in self._selections.items():
            for owner in workloads.owners(self.cluster, where):
                kind, _, name = owner.partition("/")
                if f"{kind}/" == _DEPLOYMENT and is_bad(deployments.read(self.cluster, where.namespace, name)):
                    found.append(component)
        return tuple(found)

    def _deployment(self, node: str) -> tuple[str, str] | None:
        """Give namespace and name of the Deployment that a node is of, or was."""
        where = self._selections[self._family(node)]
        owners = workloads.owners(self.cluster, where)
        names = [owner.removeprefix(_DEPLOYMENT) for owner in owners if owner.startswith(_DEPLOYMENT)]
        return (where.namespace, names[0]) if names else None


def is_bad(found: Found) -> bool:
    """Tell whether a release of ours is in force."""
    return BEFORE in deployments.annotations(found)


def given(found: Found) -> tuple[str, ...]:
    """List the releases that a Deployment was given, as far as it says."""
    if is_bad(found):
        before = json.loads(deployments.annotations(found)[BEFORE])
        return (before["was"], before["is"])
    return (f"revision-{deployments.annotations(found).get(REVISION, '1')}",)


def bring(cluster: Cluster, namespace: str, name: str, release: str, expires: datetime | None) -> None:
    """Deploy a bad release; again is the same as once."""

    def patch(now: Found) -> dict[str, Any] | None:
        container, *others = now["spec"]["template"]["spec"]["containers"]
        before = _before(now, container) | {"is": release}
        if given(now)[-1] == release:
            return None
        bad = _with(_with(container, before["container"]), BAD[release])
        metadata = deployments.marked(now, RELEASED, BEFORE, json.dumps(before), expires)
        return {"metadata": metadata, "spec": _spec([bad, *others])}

    deployments.change(cluster, namespace, name, patch)


def taken_back(cluster: Cluster, namespace: str, name: str) -> None:
    """Deploy what was there before a release of ours; nothing to do when there is none."""

    def patch(now: Found) -> dict[str, Any] | None:
        if not is_bad(now):
            return None
        container, *others = now["spec"]["template"]["spec"]["containers"]
        good = _with(container, _before(now, container)["container"])
        return {"metadata": deployments.unmarked(now, RELEASED, BEFORE), "spec": _spec([good, *others])}

    deployments.change(cluster, namespace, name, patch)


def spelled(cluster: Cluster, namespace: str, name: str, release: str) -> tuple[str, ...]:
    """Say with kubectl's words how to take it back."""
    words = (
        f"rollout undo deployment/{name} --to-revision={release.removeprefix('revision-')}",
        f"label deployment {name} {RELEASED}-",
        f"annotate deployment {name} {BEFORE}-",
    )
    return tuple(cluster.kubectl(namespace, each) for each in words)


def _before(now: Found, container: Mapping[str, Any]) -> dict[str, Any]:
    """Say what was there before the first release of ours."""
    if is_bad(now):
        said: dict[str, Any] = json.loads(deployments.annotations(now)[BEFORE])
        return said
    return {"was": given(now)[-1], "container": {key: container.get(key) for key in _REPLACED}}


def _with(container: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Replace these of its keys; None takes one away."""
    return {key: value for key, value in {**container, **other}.items() if value is not None}


def _spec(containers: list[dict[str, Any]]) -> dict[str, Any]:
    return {"template": {"spec": {"containers": containers}}}
