"""A lab that is up, as a target.

Everything that kills, cuts, loads or heals uses the standard library only, for the watchdog has nothing else.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from targets.abilities import Rule
from targets.lab import build, control, keeper, settings
from targets.lab.beside import run_beside
from targets.lab.layout import COMPONENTS, PARTS, component_url, names, node_url
from targets.target import BadInput, Node, Ran, TargetError, TargetGone

ANSWER_S = 5.0  # for a control call that does not wait for a server
KILL_S = 15.0
START_S = 45.0
DOWN_S = 20.0
_POLL_S = 0.005


class LocalTarget:
    """A lab that is up. Its abilities are those of targets.abilities."""

    disposable = True

    def __init__(self, folder: Path, doors: dict[str, int], started: build.Started | None = None) -> None:
        self.address = f"local:{folder}"
        self.folder = folder
        self._doors = doors
        self._started = started  # None when this process does not own the lab

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a component, all or of one role; a node that does not answer has role ""."""
        if component not in COMPONENTS:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(COMPONENTS)}")
        self._check_up()
        from targets.lab.ask_roles import ask_roles  # noqa: PLC0415  asks with the servers' own clients

        parts = [each for each in PARTS if each.component == component]
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

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance as "pid:start time in clock ticks", None when none runs."""
        found: str | None = self._ask("nodes.incarnation", node=node)
        return found

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0) -> None:
        """SIGKILL that very instance, all its processes, after `grace_s` of asking it to end. VictimGone without it."""
        self._ask("nodes.kill", node=node, incarnation=incarnation, grace_s=grace_s, within=KILL_S + grace_s)

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

    def setting(self, node: str, name: str) -> str | None:
        """Read what is set on top of the server's configuration files. BadInput when it has no such setting."""
        return settings.read(self.folder, self._doors, node, name)

    def configure(self, node: str, name: str, value: str | None) -> None:
        """Set a value in force at once, None takes it away again."""
        settings.write(self.folder, self._doors, node, name, value)

    def overrides(self) -> frozenset[str]:
        """Describe the settings of PostgreSQL servers that are not the launchers' own."""
        return frozenset(line for node in names("postgres") for line in settings.overrides(self.folder, node))

    def down(self) -> tuple[str, ...]:
        """Name the nodes that do not run: every node of a lab should."""
        return tuple(name for name, node in self._ask("nodes.status").items() if node["incarnation"] is None)

    def cut(self, rule: Rule) -> None:
        """Put a rule in force. BadInput for a node that is not there, or that takes no connections."""
        self._ask("links.cut", id=rule.id, sources=rule.sources, destinations=rule.destinations, mode=rule.mode)

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

    def close(self) -> None:
        """Tear the lab down and wait until nothing is left; again is the same as once."""
        if self._started:
            self._started.let_go()
        take_down(self.folder)
        if self._started:
            self._started.forget(DOWN_S)

    def _ask(self, do: str, *, within: float = 0.0, **fields: Any) -> Any:
        more = {"within": within} if do == "nodes.start" else {}
        return control.ask(self.folder, {"do": do, **fields, **more}, timeout=within + ANSWER_S)

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
