"""Workloads of a cluster as a target: components are found by their selectors, nodes are their pods."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from shlex import quote

from targets import blow
from targets.pods import (
    claims,
    commands,
    fewer,
    hosts,
    kept,
    kinds,
    lease,
    mesh,
    observer,
    policies,
    releases,
    rights,
    rotations,
    workloads,
)
from targets.pods.neighbours import LOAD
from targets.pods.ways import DELAY, Ways
from targets.pods.workloads import MERGE, Pod
from targets.target import BadInput, Node, Ran, TargetGone, VictimGone
from targets.waiting import until

KILLED_WITHIN_S = 30.0
SERVES_WITHIN_S = 120.0
POLL_S = 0.2
WHOLE: Mapping[str, Callable[..., tuple[str, ...]]] = {
    "rebuild": kept.spelled,
    "rotate_back": rotations.spelled,
}  # undos that need no look at the pods
TAKEN = {  # what each of these undos deletes, as kubectl names it
    "uncut": f"networkpolicy -l {policies.CUT}={{}}",
    "give_names": f"networkpolicy -l {policies.CUT}={{}}",
    "free": "resourcequota --ignore-not-found {}",
    "unload": f"pod -l {LOAD}={{}}",
}
REPLACED = "replaced"  # the incarnation of a pod that is gone, once its workload has all its pods again


class KubernetesTarget(Ways):
    """Components of one cluster; anybody's, so it has to be armed by its context's name."""

    disposable = False

    def lease(self, holder: str, drill: str, seconds: float) -> None:
        """Have the components' namespaces alone for so long. Taken names who has one of them."""
        for namespace in self._namespaces():
            lease.take(self.cluster, namespace, holder, drill, seconds)

    def give_back(self, holder: str) -> None:
        """Let others have them before that."""
        for namespace in self._namespaces():
            lease.give_back(self.cluster, namespace, holder)

    def endpoint(self, component: str) -> str:
        """Give the URL that the system's file says."""
        if component not in self._selections:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(self.components)}")
        return self._selections[component].url

    def endpoint_inside(self, component: str) -> str:
        """Give the URL that the system's file says for callers in the cluster."""
        if not (url := self._selections[component].inside):
            raise BadInput(
                f'components.{component} has no `inside`: say where pods reach it: "http://NAME.NAMESPACE:80"'
            )
        return url

    def observer(self) -> AbstractContextManager[Sequence[str]]:
        """Have a pod for the client, in a namespace of the components."""
        return observer.place(self.cluster, self._namespaces()[0], self.observer_image())

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        """Run a command in the node's first container."""
        code, out, err = commands.inside(self.cluster, self._there(node.name), argv, timeout=timeout)
        return Ran(argv=tuple(argv), code=code, out=out, err=err)

    def fetch(self, node: str, path: str) -> tuple[int, bytes]:
        """Ask a pod at its first port, through the API server. TargetError when it takes no connections."""
        return commands.fetched(self.cluster, self._there(node), path)

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance as "pod's uid/container's id", None when none runs.

        Of a pod that is gone for good "replaced", when its workload has all its pods again.
        """
        if pod := self.find(node):
            return pod.incarnation
        return REPLACED if self._has_all(self._family(node), at_first=True) else None

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        """Delete that very pod, after `grace_s` of asking it to end. VictimGone when it does not run.

        Its workload replaces it, unless `for_good`: then it stays as the pod of a lost node does, until it is started.
        """
        pod = self._there(node)
        if pod.incarnation != incarnation:
            raise VictimGone(f"{node}: {incarnation} does not run any more")
        if for_good:
            self._keep_down(pod)
        strike, seconds = self.aimed(pod, grace_s), max(workloads.LEAST_GRACE_S, round(grace_s))
        with ThreadPoolExecutor(1) as beside:
            with blow.dealt():
                # beside the strike: what is dead is not hurt by it, however long that takes, but would be started again
                deletion = beside.submit(workloads.delete, self.cluster, pod.namespace, pod.name, pod.uid, seconds)
                if not strike():
                    deletion.result()
                    until(lambda: self._ended(pod), KILLED_WITHIN_S + grace_s, f"{node}: {incarnation} to end", POLL_S)
            deletion.result()

    def aimed(self, pod: Pod, grace_s: float) -> Callable[[], bool]:
        """Give what kills its processes before anybody asks them to end; False where the deletion has to do that."""
        del pod, grace_s
        return lambda: False

    def losable(self, nodes: Collection[str]) -> None:
        """Raise Unable for nodes without a volume of their own, and without the right to have it go."""
        for pod in self._those(nodes):
            self.permitted([pod.namespace], rights.LOSE)
            claims.of(self.cluster, pod)

    def lose(self, node: str, incarnation: str) -> None:
        """Delete that very pod, and keep it down, with the claims of its volumes. VictimGone as for `kill`."""
        doomed = claims.of(self.cluster, pod := self._there(node))
        self.kill(node, incarnation, for_good=True)
        with blow.dealt():
            claims.lose(self.cluster, pod, doomed)

    def lost(self) -> frozenset[str]:
        """Name the nodes that lost their data and were not started since."""
        every = (pod for pods in self.everywhere().values() for pod in pods)
        return frozenset(self.named(pod) for pod in every if claims.LOST in pod.annotations)

    def start(self, node: str) -> None:
        """Let the node's workload have its pods again, and wait until they are ready."""
        pod, family = self.find(node), self._family(node)
        if pod and pod.held:
            self._hold(pod, held=False)
        where = self._selections[family]
        for owner in workloads.owners(self.cluster, where):
            if owner.startswith(kinds.REPLACING):
                fewer.given_back(self.cluster, where.namespace, owner)
        until(lambda: self._has_all(family), SERVES_WITHIN_S, f"the pods of {family} to be ready", POLL_S)

    def down(self) -> tuple[str, ...]:
        """Name the pods that do not run, and the workloads that lack some."""
        found = []
        for component, pods in self.everywhere().items():
            down = [self.named(pod) for pod in workloads.members(pods) if not pod.incarnation]
            lacks = [] if down or self._has_all(component, at_first=True) else [f"a pod of {component}"]
            found += down + lacks
        return tuple(found)

    def kept_down(self) -> tuple[str, ...]:
        """Name the pods that were killed for good, and the workloads that are to have fewer than they had."""
        held = [self.named(pod) for pods in self.everywhere().values() for pod in pods if pod.held]
        scaled = [each for namespace in self._namespaces() for each in workloads.scaled(self.cluster, namespace)]
        return (*held, *(f"a pod of {each}" for each in scaled))

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give kubectl's own commands for it; () where there are none."""
        namespace = next(iter(self._namespaces()))
        if undo == "reopen":
            return tuple(self.cluster.kubectl(namespace, words) for words in hosts.spelled(str(arguments[0])))
        if undo == "uncut" and str(arguments[0]).startswith(DELAY):
            return mesh.spelled(self.cluster, self._namespaces(), str(arguments[0]))
        if undo in TAKEN:
            taken = TAKEN[undo].format(arguments[0])
            return tuple(self.cluster.kubectl(each, f"delete {taken}") for each in self._namespaces())
        if undo == "deploy" and (found := self._released(str(arguments[0]))):
            return releases.spelled(self.cluster, *found, str(arguments[1]))
        if undo in WHOLE:
            return WHOLE[undo](self.cluster, *map(str, arguments))
        return self._let_go(str(arguments[0])) if undo == "start" else ()

    def _let_go(self, node: str) -> tuple[str, ...]:
        pod = self.find(node)
        if not pod or not pod.held:
            return ()
        clear = json.dumps({"metadata": workloads.released(pod.finalizers)})
        return (self.cluster.kubectl(pod.namespace, f"patch pod {pod.name} --type merge -p {quote(clear)}"),)

    def _keep_down(self, pod: Pod) -> None:
        """See to it that nobody takes a pod's place: a Deployment would find it a new name and go on."""
        if pod.owner.startswith(kinds.REPLACING):
            with blow.dealt():
                fewer.without(self.cluster, pod, self.expires_at)
        else:
            self._hold(pod, held=True)

    def _hold(self, pod: Pod, *, held: bool) -> None:
        """Put our finalizer on a pod, or take it away; others' stay."""
        with suppress(TargetGone), self.cluster.asked(f"{pod.namespace}/{pod.name}"):
            metadata = workloads.held(pod, self.expires_at) if held else workloads.released(pod.finalizers)
            self.cluster.core.patch_namespaced_pod(pod.name, pod.namespace, {"metadata": metadata}, _content_type=MERGE)

    def _ended(self, killed: Pod) -> bool:
        """Tell whether the container that ran in a pod runs no more, by what its kubelet says."""
        pods = [pod for found in self.everywhere().values() for pod in found]
        return not any(pod.uid == killed.uid and pod.process == killed.process and pod.runs for pod in pods)
