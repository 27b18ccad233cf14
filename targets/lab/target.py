"""A lab that is up, as a target.

Everything that kills, cuts, loads or heals uses the standard library only, for the watchdog has nothing else.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from targets.lab import build, control, keeper, spelling
from targets.lab.beside import run_beside
from targets.lab.inside import ANSWER_S, KILL_S, START_S, Inside
from targets.lab.layout import COMPONENTS, PARTS, component_url, names, node_url
from targets.rules import Rule
from targets.target import BadInput, Node, Ran, TargetError, TargetGone

DOWN_S = 20.0
_POLL_S = 0.005


class LocalTarget(Inside):
    """A lab that is up. Its abilities are those of targets.abilities; what is done inside its servers is `Inside`."""

    disposable = True
    components = COMPONENTS

    def __init__(self, folder: Path, doors: dict[str, int], started: build.Started | None = None) -> None:
        super().__init__(folder, doors)
        self._doors = doors
        self.address = f"local:{folder}"
        self._started = started  # None when this process does not own the lab

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a component, all or of one role; a node that does not answer has role ""."""
        if component not in COMPONENTS:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(COMPONENTS)}")
        self._check_up()
        from targets.lab.ask_roles import ask_roles  # noqa: PLC0415  asks with the servers' own clients

        members = self._members(component)
        parts = [each for each in PARTS if each.name in members]
        roles = ask_roles(component, [each.name for each in parts], self._doors)
        found = [
            Node(
                name=p.name,
                component=component,
                role=roles[p.name],
                zone=p.zone,
                endpoint=node_url(p.name, self._doors),
            )
            for p in parts
        ]
        return tuple(node for node in found if role is None or node.role == role)

    def endpoint(self, component: str) -> str:
        """Give the URL at which the component's callers reach it; "" for one that takes no connections."""
        if component not in COMPONENTS:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(COMPONENTS)}")
        return component_url(component, self._doors)

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        """Run a command in the node's folder, as the node's user; PostgreSQL's programs are on its PATH."""
        return run_beside(self.folder, self._doors, node.name, tuple(argv), timeout=timeout)

    def status(self) -> dict[str, dict[str, Any]]:
        """Say how each node is, as the supervisor does."""
        return dict(self._ask("nodes.status"))

    def log(self, node: str) -> str:
        """Give the end of a node's log."""
        return str(self._ask("nodes.log", node=node))

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance as "pid:start time in clock ticks", None when none runs."""
        found: str | None = self._ask("nodes.incarnation", node=node)
        return found

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        """SIGKILL that very instance, all its processes, after `grace_s` of asking it to end. VictimGone without it."""
        how = {"incarnation": incarnation, "grace_s": grace_s, "for_good": for_good}
        self._ask("nodes.kill", node=node, **how, within=KILL_S + grace_s)

    def start(self, node: str) -> None:
        """Bring the node back through its launcher and wait until it serves."""
        self._ask("nodes.start", node=node, within=START_S)

    def pause(self, node: str, incarnation: str) -> None:
        """SIGSTOP that very instance, all its processes. VictimGone when it does not run any more."""
        self._ask("freezer.pause", node=node, incarnation=incarnation)

    def resume(self, node: str) -> None:
        """Let the node go on."""
        self._ask("freezer.resume", node=node)

    def paused(self) -> frozenset[str]:
        """Name the frozen nodes."""
        return frozenset(self._ask("freezer.paused"))

    def down(self) -> tuple[str, ...]:
        """Name the nodes that do not run: every node of a lab should, but the spare ones."""
        status = self._ask("nodes.status").items()
        return tuple(name for name, node in status if node["wanted"] and node["incarnation"] is None)

    def scale(self, component: str, count: int) -> None:
        """Start spare nodes, or end some in order, the last first; wait until that is done."""
        self._ask("scaling.scale", component=component, count=count, within=START_S)

    def scaled(self, component: str) -> int:
        """Count the nodes that the component is to have."""
        return len(self._members(component))

    def resized(self) -> tuple[str, ...]:
        """Name the components that have spare nodes at work, or lack some of their own."""
        return tuple(each for each in COMPONENTS if self.scaled(each) != len(names(each)))

    def lose(self, node: str, incarnation: str) -> None:
        """SIGKILL that very instance and remove its data, before the supervisor may start it again."""
        self._ask("data.lose", node=node, incarnation=incarnation, within=KILL_S)

    def lost(self) -> frozenset[str]:
        """Name the nodes that lost their data and were not started since."""
        return frozenset(self._ask("data.lost"))

    def cut(self, rule: Rule) -> None:
        """Put a rule in force. BadInput for a node that is not there, or that takes no connections."""
        self._ask("links.cut", **asdict(rule))

    def means(self, rule: Rule) -> str:
        """Say what would keep the rule: nftables in the nodes' network namespaces, or the lab's links."""
        found: str = self._ask("links.means", **asdict(rule))
        return found

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""
        self._ask("links.uncut", id=rule_id)

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""
        return frozenset(self._ask("links.cuts"))

    def load(
        self,
        node: str,
        *,
        load_id: str,
        kind: str,
        workers: int,
        seconds: float,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Set programs to work beside the node; they end by themselves after `seconds`."""
        program: dict[str, Any] = {"load_id": load_id, "kind": kind, "options": options or {}}
        self._ask("loads.load", node=node, workers=workers, seconds=seconds, **program)

    def unload(self, load_id: str) -> None:
        """End the load of that id."""
        self._ask("loads.unload", load_id=load_id)

    def loading(self, load_id: str) -> int:
        """Count the programs of that load which run."""
        return int(self._ask("loads.loading", load_id=load_id))

    def loads(self) -> frozenset[str]:
        """List the ids of the loads at work."""
        return frozenset(self._ask("loads.loads"))

    def spelled(self, undo: str, *arguments: Any) -> tuple[str, ...]:
        """Give commands that undo something without the supervisor: for frozen nodes, nftables and PostgreSQL."""
        if undo == "resume":
            return spelling.resume(self.folder, *arguments)
        if undo == "uncut":
            return spelling.uncut(self.folder, *arguments)
        return spelling.configure(self._doors, *arguments) if undo == "configure" else ()

    def close(self) -> None:
        """Tear the lab down and wait until nothing is left; again is the same as once."""
        if self._started:
            self._started.let_go()
        take_down(self.folder)
        if self._started:
            self._started.forget(DOWN_S)

    def _members(self, component: str) -> frozenset[str]:
        """Name the nodes that the component is to have; where none are spare that is known here."""
        if any(part.spare and part.component == component for part in PARTS):
            return frozenset(self._ask("scaling.members", component=component))
        return frozenset(names(component))

    def _check_up(self) -> None:
        if not self.folder.is_dir():
            raise TargetGone(f"{self.address}: no lab is up there")


def take_down(folder: Path) -> None:
    """Tear a lab down, whoever owns it, and wait until nothing is left; nothing to do when it is not there."""
    with suppress(TargetError):
        control.ask(folder, {"do": "nodes.down"}, timeout=ANSWER_S)
    deadline = time.monotonic() + DOWN_S
    while folder.exists():
        if keeper.is_abandoned(folder):
            keeper.sweep(folder)
        if time.monotonic() > deadline:
            raise TargetError(f"local:{folder}: something of the lab is still there after {DOWN_S:.0f} s; see {folder}")
        time.sleep(_POLL_S)
