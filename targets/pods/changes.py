"""What a lab on a cluster can be changed in: its servers' settings, how many replicas its API has."""

import base64
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from targets.lab import settings
from targets.lab.layout import FRONT, Doors, names
from targets.pods import claims, fewer, kinds, lab, rights, workloads
from targets.pods.work import Work
from targets.target import BadInput, Ran, TargetError
from targets.waiting import until

SCALED_WITHIN_S = 60.0
POLL_S = 0.1
MOST = 6
LOSES_WITHIN_S = 10.0
_KEEP_RIGHTS = 'f="$1"; d="$f.new"; cp -p "$f" "$d" 2>/dev/null; printf %s "$2" | base64 -d >"$d" && mv "$d" "$f"'


class There:
    """The nodes' files and commands, as targets.lab.settings wants them."""

    def __init__(self, lab: Work, doors: Doors) -> None:
        self.lab = lab
        self.doors = doors

    def ran(self, node: str, argv: Sequence[str], timeout: float) -> Ran:
        """Run a command of PostgreSQL's in the node's pod; code 2, as psql gives it, when it does not run."""
        pod = self.lab.find(node)
        if pod is None or not pod.incarnation:
            return Ran(argv=tuple(argv), code=2, out="", err=f"{node} does not run")
        code, out, err = self.lab.inside(node, argv, timeout=timeout)
        return Ran(argv=tuple(argv), code=code, out=out, err=err)

    def text(self, node: str, name: str) -> str | None:
        """Read a file in the node's folder, None when there is none."""
        code, out, _ = self.lab.inside(node, ["cat", name], timeout=settings.ANSWER_S)
        return out if code == 0 else None

    def write(self, node: str, name: str, text: str) -> None:
        """Write a file in the node's folder; its owner and its rights stay what they are."""
        coded = base64.b64encode(text.encode()).decode()
        code, _, err = self.lab.inside(node, ["sh", "-c", _KEEP_RIGHTS, "sh", name, coded], timeout=settings.ANSWER_S)
        if code:
            raise TargetError(f"{node}: {name} cannot be written: {err.strip()[-300:]}")


class Changes(Work):
    """The settings and sizes of a lab."""

    name: str  # of the cluster
    namespace: str

    @cached_property
    def _doors(self) -> Doors:
        """Ask when they are needed: while the control plane is away nobody says, and its undo needs none."""
        return lab.doors(self.cluster, self.namespace, self.name)

    def setting(self, node: str, name: str) -> str | None:
        """Read what is set on top of the server's configuration, None when nothing is. BadInput: no such setting."""
        return settings.read(There(self, self._doors), node, name)

    def configure(self, node: str, name: str, value: str | None) -> None:
        """Set a value in force at once, None takes it away again."""
        settings.write(There(self, self._doors), node, name, value)

    def overrides(self) -> frozenset[str]:
        """Describe the settings of PostgreSQL servers that are not the launchers' own; of those that run."""
        there = There(self, self._doors)
        running = [self.named(pod) for pod in self.pods("postgres") if pod.incarnation]
        with ThreadPoolExecutor(max(1, len(running))) as pool:
            found = pool.map(lambda node: settings.overrides(there, node), running)
            return frozenset(line for lines in found for line in lines)

    def losable(self, nodes: Collection[str]) -> None:
        """Raise Unable without the right to remove what is on these nodes' volumes: they are emptied from beside."""
        self.permitted({pod.namespace for pod in self._those(nodes)}, rights.RUN)

    def lose(self, node: str, incarnation: str) -> None:
        """SIGKILL that very instance and remove its data, before anybody may start it again."""
        self.kill(node, incarnation, for_good=True)
        code, _, err = self.inside(node, ["sh", "-c", "find . -mindepth 1 -delete"], timeout=LOSES_WITHIN_S)
        if code:
            raise TargetError(f"{node}: its data could not be removed: {err.strip()[-300:]}")
        claims.mark(self.cluster, self._there(node))

    def scale(self, component: str, count: int) -> None:
        """Have that many pods, and wait until the new ones serve; those that are too many leave in their own time.

        BadInput: it cannot have so many.
        """
        if component != FRONT or not 1 <= count <= MOST:
            can = f"1 to {MOST}" if component == FRONT else f"always {len(names(component))}"
            raise BadInput(f"{component} cannot have {count} nodes on this lab; it has {can}")
        before = {pod.uid for pod in self.pods(component)}  # they may be too full to be called ready
        fewer.resize(
            self.cluster,
            self._selections[component].namespace,
            f"{kinds.DEPLOYMENT}/{component}",
            count,
            self.expires_at,
        )
        what = f"{component} to have {count} pods"
        until(lambda: self._exactly(component, count, before), SCALED_WITHIN_S, what, POLL_S)

    def scaled(self, component: str) -> int:
        """Count the nodes that the component is to have."""
        return sum(workloads.owners(self.cluster, self._selections[component]).values())

    def resized(self) -> tuple[str, ...]:
        """Name the components that are to have another number of nodes than at first."""
        return tuple(each for each in self.components if self.scaled(each) != len(names(each)))

    def _exactly(self, component: str, count: int, before: Collection[str]) -> bool:
        pods = [pod for pod in self.pods(component) if not pod.leaving]
        return len(pods) == count and all(pod.ready or (pod.uid in before and pod.incarnation) for pod in pods)
