"""Bad releases of Deployments and Rollouts: the first container cannot run any more, and they say what that one was.

The workload's own strategy decides what becomes of the pods that serve.  Nothing is pulled: nobody is asked for an
image that does not exist.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from targets.pods import deployments, kinds, workloads
from targets.pods.cluster import PLUGIN, Cluster
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
REVISION = {kinds.DEPLOYMENT: "deployment.kubernetes.io/revision", kinds.ROLLOUT: "rollout.argoproj.io/revision"}
_REVISION = "revision-"
_REPLACED = ("image", "imagePullPolicy", "command", "args")


class Releases(Containers):
    """The releases of the components whose pods are all alike."""

    def releases(self, node: str) -> tuple[str, ...]:
        """List what the node's workload was given, oldest first: "revision-3", "crashing"; () where it has none."""
        found = self._released(node)
        return given(deployments.read(self.cluster, *found)) if found else ()

    def deploy(self, node: str, release: str) -> None:
        """Have the workload bring that release, or the one that it had before. BadInput names those there are."""
        found = self._released(node)
        now = self.releases(node)
        if found and release in BAD:
            bring(self.cluster, *found, release, self.expires_at)
        elif found and _was_given(release, now):
            taken_back(self.cluster, *found)
        else:
            known = ", ".join((*BAD, *now[:1])) if found else "only the one it runs"
            raise BadInput(f"{node} has no release {release!r}; it has {known}")

    def restarts(self, node: str) -> int:
        """Count how often those of its workload's pods had to be started again that are not ready."""
        return max((pod.restarts for pod in self.pods(self._family(node)) if not pod.ready), default=0)

    def strayed(self) -> tuple[str, ...]:
        """Name the components that were given a release of ours."""
        found = []
        for component, where in self._selections.items():
            for owner in workloads.owners(self.cluster, where):
                there = owner.startswith(kinds.REPLACING)
                if there and is_bad(deployments.read(self.cluster, where.namespace, owner)):
                    found.append(component)
        return tuple(found)

    def _released(self, node: str) -> tuple[str, str] | None:
        """Give namespace and name, "Deployment/web", of what says how a node is to be, or was."""
        where = self._selections[self._family(node)]
        owners = [each for each in workloads.owners(self.cluster, where) if each.startswith(kinds.REPLACING)]
        return (where.namespace, owners[0]) if owners else None  # a Rollout may leave its template to a Deployment


def _was_given(release: str, now: tuple[str, ...]) -> bool:
    """Tell whether it is what there was before; as somebody else took it back just now, it has a higher number."""
    number, newest = release.removeprefix(_REVISION), now[0].removeprefix(_REVISION)
    return release == now[0] or (len(now) == 1 and number.isdigit() and int(number) <= int(newest))


def is_bad(found: Found) -> bool:
    """Tell whether a release of ours is in force."""
    return BEFORE in deployments.annotations(found)


def given(found: Found) -> tuple[str, ...]:
    """List the releases that a workload was given, as far as it says."""
    if is_bad(found):
        before = json.loads(deployments.annotations(found)[BEFORE])
        return (before["was"], before["is"])
    return (f"{_REVISION}{deployments.annotations(found).get(REVISION[found['kind']], '1')}",)


def bring(cluster: Cluster, namespace: str, owner: str, release: str, expires: datetime | None) -> None:
    """Deploy a bad release; again is the same as once."""

    def patch(now: Found) -> dict[str, Any] | None:
        container, *others = now["spec"]["template"]["spec"]["containers"]
        before = _before(now, container) | {"is": release}
        if given(now)[-1] == release:
            return None
        bad = _with(_with(container, before["container"]), BAD[release])
        metadata = deployments.marked(now, RELEASED, BEFORE, json.dumps(before), expires)
        return {"metadata": metadata, "spec": _spec([bad, *others])}

    deployments.change(cluster, namespace, owner, patch)


def taken_back(cluster: Cluster, namespace: str, owner: str) -> None:
    """Deploy what was there before a release of ours; nothing to do when there is none."""

    def patch(now: Found) -> dict[str, Any] | None:
        if not is_bad(now):
            return None
        container, *others = now["spec"]["template"]["spec"]["containers"]
        good = _with(container, _before(now, container)["container"])
        return {"metadata": deployments.unmarked(now, RELEASED, BEFORE), "spec": _spec([good, *others])}

    deployments.change(cluster, namespace, owner, patch)


def spelled(cluster: Cluster, namespace: str, owner: str, release: str) -> tuple[str, ...]:
    """Say with kubectl's words how to take it back; of a Rollout with those of Argo's plugin."""
    kind, _, name = owner.partition("/")
    resource = kinds.RESOURCES[kind][1]
    undo = f"{PLUGIN}undo {name}" if kind == kinds.ROLLOUT else f"rollout undo {resource}/{name}"
    words = (
        f"{undo} --to-revision={release.removeprefix(_REVISION)}",
        f"label {resource} {name} {RELEASED}-",
        f"annotate {resource} {name} {BEFORE}-",
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
