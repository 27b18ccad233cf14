"""A lab that is up, as a target.

Everything that kills, cuts, loads or heals uses the standard library only, for the watchdog has nothing else.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from targets.abilities import Rule
from targets.lab import build, control, keeper, keys, queues, settings
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
        """Name the nodes that do not run: every node of a lab should, but the spare ones."""
        status = self._ask("nodes.status").items()
        return tuple(name for name, node in status if node["wanted"] and node["incarnation"] is None)

    def releases(self, node: str) -> tuple[str, ...]:
        """List the releases the node was given, oldest first; () for one that knows none."""
        return tuple(self._ask("releases.given", node=node))

    def deploy(self, node: str, release: str) -> None:
        """Let the node run that release from now on. BadInput names those there are."""
        self._ask("releases.deploy", node=node, release=release, within=KILL_S)

    def restarts(self, node: str) -> int:
        """Count how often the supervisor started the node again since its release was deployed."""
        return int(self._ask("nodes.status")[node]["restarts"])

    def strayed(self) -> tuple[str, ...]:
        """Name the nodes that run another release than their first."""
        status = self._ask("nodes.status").items()
        return tuple(name for name, node in status if node["releases"] and node["releases"][-1] != node["releases"][0])

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

    def keyed(self) -> tuple[str, ...]:
        """Name the components that keep keys."""
        return (keys.COMPONENT,)

    def keys(self, component: str, prefix: str, *, wait: bool = True) -> frozenset[str]:
        """List the master's keys that begin with `prefix`; without `wait`, on whoever is master now."""
        return keys.listed(self._doors, component, prefix, wait=wait)

    def add_key(self, component: str, key: str, *, seconds: int) -> None:
        """Set a key for a while."""
        keys.add(self._doors, component, key, seconds)

    def delete_keys(self, component: str, doomed: Collection[str]) -> int:
        """Delete keys on the master."""
        return keys.delete(self._doors, component, doomed)

    def put_jobs(self, jobs: Sequence[str]) -> None:
        """Put jobs into the queue."""
        queues.put(self._doors, jobs)

    def drop_jobs(self, jobs: Sequence[str]) -> None:
        """Take jobs out of wherever they are."""
        queues.drop(self._doors, jobs)

    def find_jobs(self, mark: str) -> dict[str, str]:
        """Map each job whose text contains `mark` to where it is: waiting, held or failed."""
        return queues.find(self._doors, mark)

    def close(self) -> None:
        """Tear the lab down and wait until nothing is left; again is the same as once."""
        if self._started:
            self._started.let_go()
        take_down(self.folder)
        if self._started:
            self._started.forget(DOWN_S)

    def _ask(self, do: str, *, within: float = 0.0, **fields: Any) -> Any:
        more = {"within": within} if do in ("nodes.start", "scaling.scale") else {}
        return control.ask(self.folder, {"do": do, **fields, **more}, timeout=within + ANSWER_S)

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
