"""A lab on a kind cluster, as a target."""

import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

from targets.boxes import here, marked
from targets.boxes.keeper import Keeper
from targets.lab.layout import COMPONENTS, FRONT, Doors, at, component_url, names, node_url, part
from targets.lab.pod import HELD, LETTERS
from targets.lab.stores import Stores
from targets.pods import asked, beside, clusters, commands, lab
from targets.pods.cluster import Cluster
from targets.pods.machines import Machines
from targets.pods.policies import EVERYBODY
from targets.pods.target import POLL_S
from targets.pods.workloads import Pod, members
from targets.rules import Rule
from targets.target import Node, Ran, TargetError, TargetGone, Unable
from targets.waiting import until

DOWN_S = 90.0
ANSWER_S = 5.0
ENFORCED_S = 5.0
STATEFUL = "StatefulSet"


class KindTarget(Machines, Stores):
    """A lab that is up; its StatefulSets' pods are nodes of the lab, and called so."""

    disposable = True

    def __init__(self, name: str, cluster: Cluster, namespace: str, keeper: Keeper | None = None) -> None:
        Machines.__init__(self, cluster, f"kind:{name}/{namespace}", lab.selections(namespace))
        Stores.__init__(self, {})
        self.name = name
        self.namespace = namespace
        self._keeper = keeper

    @cached_property
    def _named_inside(self) -> dict[str, str]:
        return lab.inside(self.cluster, self.namespace)

    @property
    def _reached(self) -> Doors:
        return self._doors

    @property
    def doors(self) -> Doors:
        """Map nodes, and "api", to HOST:PORT."""
        return self._doors

    def named(self, pod: Pod) -> str:
        """Name the node that a pod is."""
        kind, _, owner = pod.owner.partition("/")
        number = pod.name.rpartition("-")[2]
        return f"{owner}-{LETTERS[int(number)]}" if kind == STATEFUL else pod.name

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a component, all or of one role; a node that does not answer has role ""."""
        from targets.lab.ask_roles import ask_roles  # noqa: PLC0415  asks with the servers' own clients

        pods = {self.named(pod): pod for pod in members(self.pods(component))}
        roles = ask_roles(component, pods, self._doors) if component != FRONT else dict.fromkeys(pods, "")
        found = [
            Node(
                name=name,
                component=component,
                role=roles[name],
                zone=pod.zone,
                endpoint=node_url(name, self._doors) if name in self._doors else "",
                inside=self._named_inside.get(name, ""),
            )
            for name, pod in pods.items()
        ]
        return tuple(node for node in found if role is None or node.role == role)

    def endpoint(self, component: str) -> str:
        """Give the URL at which the component's callers reach it; "" for one that takes no connections."""
        self.known(component)
        url = component_url(component, self._doors)
        return url + self._named_outside() if component in ("redis", "sentinel") else url

    def endpoint_inside(self, component: str) -> str:
        """Give the URL at which pods reach it."""
        self.known(component)
        return component_url(component, self._named_inside)

    def observer_image(self) -> str:
        """Name the lab's: it has the servers' clients."""
        return beside.image(self.cluster, self.namespace, "postgres-0")

    def _named_outside(self) -> str:
        """Tell whoever asks the sentinels at which doors those stand that they name."""
        known = {self._named_inside[name]: at(self._doors[name]) for name in names("redis")}
        return "?" + "&".join(f"{there}={here}" for there, here in known.items())

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        """Run a command in the node's pod and folder, beside its volume when it does not run; this Python is theirs."""
        words = ["python3" if word == sys.executable else word for word in argv]
        code, out, err = self.inside(node.name, words, timeout=timeout)
        if code in (124, 137):
            raise TargetError(f"{node.name}: {argv[0]} did not end within {timeout:.0f} s")
        return Ran(argv=tuple(argv), code=code, out=out, err=err)

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        """SIGKILL that very pod's processes and delete it; what no supervisor of the lab restarts stays down."""
        stays = node in self._named_inside and not part(node).restarts
        super().kill(node, incarnation, grace_s=grace_s, for_good=for_good or stays)

    def _keep_down(self, pod: Pod) -> None:
        """See to it that nobody takes its place, nor a kubelet starts it again before it hears of the end."""
        super()._keep_down(pod)
        if pod.owner.startswith(STATEFUL):
            self._inside(pod, ["sh", "-c", f'echo "$0" > {HELD}', pod.uid])

    def aimed(self, pod: Pod, grace_s: float) -> Callable[[], bool]:
        """Give what kills all its processes at once: a deleted pod's are asked to end. Whom is looked up before."""
        if grace_s:
            return super().aimed(pod, grace_s)
        listed = here.lister(pod.process)

        def strike() -> bool:
            with suppress(TargetError):  # whoever runs the command dies, too
                self.signal(pod, signal.SIGKILL, listed)
                return True
            return False

        return strike

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force. TargetGone when somebody took the lab away."""
        try:
            found = super().cuts()
        except TargetError as error:
            if self.name in clusters.names():
                raise
            raise TargetGone(f"{self.address}: its cluster is gone") from error
        if not found and not lab.is_there(self.cluster, self.namespace):
            raise TargetGone(f"{self.address}: its namespace is gone")
        return found

    def foresee(self, rules: Collection[Rule]) -> None:
        """Leave it to the lab's own pods, once the rules are there."""

    def holds(self, rule: Rule) -> bool:
        """Tell whether a rule that is in force cuts anybody off: the lab's own pods can say so."""
        doors = [self._named_inside[name] for name in rule.destinations if name in self._named_inside]
        sources = [pod for name in rule.sources if name != EVERYBODY and (pod := self.find(name)) and pod.incarnation]
        with ThreadPoolExecutor(max(1, len(sources))) as pool:  # each host keeps it in its own time
            return all(pool.map(lambda source: self._is_cut(doors, source), sources))

    def _is_cut(self, doors: Sequence[str], source: Pod) -> bool:
        argv = ["python3", "-c", asked.CUT_OFF, str(ENFORCED_S), *doors]
        code, _, _ = commands.inside(self.cluster, source, argv, timeout=ENFORCED_S + ANSWER_S)
        return code == 0

    def nameable(self, nodes: Collection[str]) -> None:
        """Need nothing: whether it holds is found out in the pods."""

    def confined(self, nodes: Collection[str]) -> bool:
        """Tell whether their name server is out of reach of all that run."""
        victims = [pod for name in nodes if (pod := self.find(name)) and pod.incarnation]
        with ThreadPoolExecutor(max(1, len(victims))) as pool:
            return all(pool.map(self._is_nameless, victims))

    def _is_nameless(self, victim: Pod) -> bool:
        argv = ["python3", "-c", asked.NAMELESS, str(ENFORCED_S)]
        return commands.inside(self.cluster, victim, argv, timeout=ENFORCED_S + ANSWER_S)[0] == 0

    def estates(self, components: Collection[str]) -> Mapping[str, str]:
        """Raise Unable: the lab's namespace is the lab."""
        del components
        raise Unable(f"{self.address}: its namespace is the lab itself, and goes with `python -m targets down`")

    def status(self) -> Mapping[str, Mapping[str, Any]]:
        """Say of each node: its incarnation, how often it was restarted; a pod that ended is always started again."""
        every = [pod for pods in self.everywhere().values() for pod in pods]
        return {
            self.named(pod): {"incarnation": pod.incarnation, "restarts": pod.restarts, "code": None}
            for pod in every
            if self.named(pod) in self._named_inside
        }

    def log(self, node: str) -> str:
        """Give the end of a node's log."""
        pod = self._there(node)
        with self.cluster.asked(f"the log of {pod.name}"):
            return str(self.cluster.core.read_namespaced_pod_log(pod.name, pod.namespace, tail_lines=15))

    def await_ready(self, within_s: float) -> None:
        """Wait until every workload has all its pods. TargetError names those that lack some."""
        for component in COMPONENTS:
            until(partial(self._has_all, component), within_s, f"the pods of {component} to be ready", POLL_S)

    def close(self) -> None:
        """Take the lab away, and its cluster when that was made for it; again is the same as once."""
        if self._keeper:
            self._keeper.let_go(DOWN_S)
            self._keeper = None
        down(self.name, self.namespace)


def down(name: str, namespace: str) -> None:
    """Take a lab away, and its cluster when that was made for it."""
    clusters.clear_up()
    if marked.is_ours(name):
        clusters.delete(name)
    elif name in clusters.names():
        lab.remove(clusters.find(name), namespace, DOWN_S)
