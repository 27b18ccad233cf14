"""The nodes of a lab of containers: killing, starting, freezing, and commands where they run."""

import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from targets.boxes import build, commands, engine, front, here, layout
from targets.boxes.commands import NotRunning
from targets.boxes.plugs import Plugs
from targets.lab.host import HOME
from targets.lab.layout import DATABASE, PARTS, part
from targets.target import BadInput, Node, Ran, TargetError, VictimGone
from targets.waiting import until

KILLED_WITHIN_S = 15.0
STOPS_WITHIN_S = 5.0
SERVES_WITHIN_S = 45.0
FIRST, OTHERS, EVERYBODY = "first", "others", "everybody"  # all end with the first
ROUNDS = 2  # whoever forked while the others were signalled


class Nodes(Plugs):
    """The nodes of one lab; `lab` is its id."""

    def __init__(self, lab: str) -> None:
        self.lab = lab

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        """Run a command in the node's container and folder, as the node's user; this Python stands for the node's."""
        words = ["timeout", "-k", "1", f"{timeout:.3f}", *("python3" if w == sys.executable else w for w in argv)]
        here, server = str(HOME / node.name), node.component == "postgres"
        environment = {"PGHOST": here, "PGUSER": "postgres", "PGDATABASE": DATABASE} if server else {}
        as_whom: dict[str, Any] = {"environment": environment, "user": "nobody" if server else ""}
        there = node.name if self.incarnation(node.name) else layout.SWITCHBOARD
        try:
            code, out, err = commands.inside(self.lab, there, words, workdir=here, **as_whom)
        except NotRunning:  # it has ended since
            code, out, err = commands.inside(self.lab, layout.SWITCHBOARD, words, workdir=here, **as_whom)
        if code in (124, 137):
            raise TargetError(f"{node.name}: {argv[0]} did not end within {timeout:.0f} s")
        return Ran(argv=tuple(argv), code=code, out=out, err=err)

    def status(self) -> dict[str, dict[str, Any]]:
        """Say of each node: its incarnation, how often it was restarted, how its last process ended."""
        return {
            name: {
                "incarnation": commands.incarnation(box),
                "restarts": box["RestartCount"],
                "code": None if box["State"]["Running"] else box["State"]["ExitCode"],
            }
            for name, box in self.inspected().items()
        }

    def log(self, node: str) -> str:
        """Give the end of a node's log."""
        with commands.answered(self.lab, node):
            said: bytes = engine.client().api.logs(build.container(self.lab, node), tail=15)
        return said.decode(errors="replace")

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance as "container's id:moment of its start", None when none runs."""
        return commands.incarnation(self.inspect(node))

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        """SIGKILL that very instance, all its processes, after `grace_s` of asking it to end. VictimGone without it.

        A container that is killed by the engine stays down: that is a lost host.  Else its processes are killed, and
        its restart policy sees it end, as of itself.
        """
        box = self.inspect(node)
        self.check_runs(node, incarnation)
        if grace_s:
            self._signal(node, signal.SIGTERM, FIRST)
            with suppress(TargetError):
                until(lambda: self.incarnation(node) != incarnation, grace_s, f"{node} to end")
        if for_good and part(node).restarts:
            with suppress(NotRunning), commands.answered(self.lab, node):
                engine.client().api.kill(build.container(self.lab, node))
        elif self.incarnation(node) == incarnation:
            self._signal(node, signal.SIGKILL, EVERYBODY)
        until(lambda: self._has_ended(node, incarnation, box), KILLED_WITHIN_S, f"{node}: {incarnation} to end")

    def start(self, node: str) -> None:
        """Start the container when it does not run, and wait until its server answers."""
        until(
            lambda: not commands.has_just_ended(self.inspect(node)),
            KILLED_WITHIN_S,
            f"the engine to see that {node} is down",
        )
        with commands.answered(self.lab, node):
            engine.client().api.start(build.container(self.lab, node))
        if not front.ask(self.lab, "hosts.await_serving", node=node, within=SERVES_WITHIN_S):
            why = f"does not serve {SERVES_WITHIN_S:.0f} s after its start; its log ends:\n{self.log(node)}"
            raise TargetError(f"{node} {why}")

    def down(self) -> tuple[str, ...]:
        """Name the nodes that should run and do not."""
        return tuple(name for name, box in self.inspected().items() if commands.incarnation(box) is None)

    def pause(self, node: str, incarnation: str) -> None:
        """SIGSTOP all processes of that very instance, but for the container's first, which asks whether they live."""
        self.check_runs(node, incarnation)
        self._signal(node, signal.SIGSTOP, OTHERS)
        with suppress(TargetError):  # a process stops when it runs next: whoever looks then says whether it is so
            until(lambda: node in self.paused(), STOPS_WITHIN_S, f"{node} to stop")

    def resume(self, node: str) -> None:
        """Let the node go on."""
        if self.incarnation(node) is not None:
            self._signal(node, signal.SIGCONT, OTHERS)

    def paused(self) -> frozenset[str]:
        """Name the nodes that have frozen processes."""
        listed = commands.processes(self.lab)
        return frozenset(name for name in members() if any(state[0] in "Tt" for _, state, _ in listed.get(name, [])))

    def check_runs(self, node: str, incarnation: str) -> None:
        """Raise VictimGone unless that very instance runs."""
        if self.incarnation(node) != incarnation:
            raise VictimGone(f"{node}: {incarnation} does not run any more")

    def inspect(self, node: str) -> Mapping[str, Any]:
        """Give what the engine knows of a node. BadInput when the lab has none of that name."""
        known = [part.name for part in PARTS]
        if node not in known:
            raise BadInput(f"the lab has no node {node!r}; it has {', '.join(known)}")
        return commands.inspect(self.lab, node)

    def inspected(self) -> dict[str, Mapping[str, Any]]:
        """Give what the engine knows of every node, spare ones aside."""
        with ThreadPoolExecutor(len(PARTS)) as pool:
            return dict(zip(members(), pool.map(self.inspect, members()), strict=True))

    def _has_ended(self, node: str, incarnation: str, box: Mapping[str, Any]) -> bool:
        """Ask the kernel first: the engine gives no answer while it deals with a container's end."""
        return commands.has_just_ended(box) or self.incarnation(node) != incarnation

    def _signal(self, node: str, number: signal.Signals, whom: str) -> None:
        """Send a signal to a container's first process, all others, or all; nothing to do when it does not run."""
        box = self.inspect(node)
        first = int(box["State"]["Pid"])
        if not first:
            return
        for _ in range(ROUNDS if whom == OTHERS else 1):
            seen = [pid for pid, _, _ in here.processes([box["Id"]]).get(box["Id"], [])]
            pids = [pid for pid in seen if (pid == first) != (whom == OTHERS)]
            if not seen or not here.send(number, box["Id"], pids):
                self._signal_inside(node, number, whom)
                return

    def _signal_inside(self, node: str, number: signal.Signals, whom: str) -> None:
        with suppress(NotRunning):
            commands.inside(self.lab, node, ["sh", "-c", f"kill -{number.value} {1 if whom == FIRST else -1}"])


def members() -> list[str]:
    """Name the nodes of every lab, spare ones aside."""
    return [part.name for part in PARTS if not part.spare]
