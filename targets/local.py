"""The embedded lab as a target: `local:FOLDER`, where FOLDER is the lab's own.

Everything that kills, cuts, burns or heals uses the standard library only, for the watchdog has nothing else.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from targets.lab import build, control, keeper
from targets.lab.beside import run_beside
from targets.lab.layout import COMPONENTS, PARTS, component_url, node_url
from targets.target import BadInput, Node, Ran, Rule, TargetError, TargetGone

ANSWER_S = 5.0  # for a control call that does not wait for a server
KILL_S = 15.0
START_S = 45.0
DOWN_S = 20.0
UP_S = 60.0
_POLL_S = 0.005


class LocalTarget:
    """A lab that is up. It satisfies Target, Killable, Partitionable and Stressable."""

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
        found: str | None = self._ask("incarnation", node=node)
        return found

    def kill(self, node: str, incarnation: str) -> None:
        """SIGKILL that very instance, all its processes. VictimGone when it does not run any more."""
        self._ask("kill", node=node, incarnation=incarnation, within=KILL_S)

    def start(self, node: str) -> None:
        """Bring the node back through its launcher and wait until it serves."""
        self._ask("start", node=node, within=START_S)

    def down(self) -> tuple[str, ...]:
        """Name the nodes that do not run: every node of a lab should."""
        return tuple(name for name, node in self._ask("status").items() if node["incarnation"] is None)

    def cut(self, rule: Rule) -> None:
        """Put a rule in force. BadInput for a node that is not there, or that takes no connections."""
        self._ask("cut", id=rule.id, sources=rule.sources, destinations=rule.destinations, mode=rule.mode)

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""
        self._ask("uncut", id=rule_id)

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""
        return frozenset(self._ask("cuts"))

    def burn(self, node: str, *, stress_id: str, workers: int, seconds: float) -> None:
        """Start CPU burners beside the node; they end by themselves after `seconds`."""
        self._ask("burn", node=node, stress_id=stress_id, workers=workers, seconds=seconds)

    def extinguish(self, stress_id: str) -> None:
        """End the burners of that id."""
        self._ask("extinguish", stress_id=stress_id)

    def burning(self, stress_id: str) -> int:
        """Count the burners of that id which run."""
        return int(self._ask("burning", stress_id=stress_id))

    def burners(self) -> frozenset[str]:
        """List the ids of which burners run."""
        return frozenset(self._ask("burners"))

    def close(self) -> None:
        """Tear the lab down and wait until nothing is left; again is the same as once."""
        if self._started:
            self._started.let_go()
        down(self.address)
        if self._started:
            self._started.forget(DOWN_S)

    def _ask(self, do: str, *, within: float = 0.0, **fields: object) -> Any:
        more = {"within": within} if do == "start" else {}
        return control.ask(self.folder, {"do": do, **fields, **more}, timeout=within + ANSWER_S)

    def _check_up(self) -> None:
        if not self.folder.is_dir():
            raise TargetGone(f"{self.address}: no lab is up there")


def create(*, on_progress: Callable[[str], None] | None = None) -> LocalTarget:
    """Start a lab that this process owns: it is torn down when the process ends, however that happens.

    Returns when everything is ready. TargetError names the node that is not, with the end of its log.
    """
    say = on_progress or (lambda _text: None)
    say("starting the servers")
    started = build.start()
    try:
        doors = _wait_for_doors(started)
        from targets.lab.ready import wait_until_ready  # noqa: PLC0415  the servers' clients, while the servers start

        wait_until_ready(started.folder, doors, say, UP_S)
    except BaseException:
        LocalTarget(started.folder, {}, started).close()
        raise
    return LocalTarget(started.folder, doors, started)


def _wait_for_doors(started: build.Started) -> dict[str, int]:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline and started.process.poll() is None:
        with suppress(TargetGone, FileNotFoundError):
            return _doors(started.folder)
        time.sleep(_POLL_S)
    raise TargetError(f"the lab's supervisor did not come up: {started.errors() or 'no word from it'}")


def _doors(folder: Path) -> dict[str, int]:
    control.ask(folder, {"do": "cuts"}, timeout=ANSWER_S)
    doors: dict[str, int] = json.loads((folder / "doors.json").read_text())
    return doors


def attach(address: str) -> LocalTarget:
    """Open a lab that is up, in any process. TargetGone when it is not there, BadInput for another address."""
    folder = _folder(address)
    try:
        return LocalTarget(folder, _doors(folder))
    except (OSError, ValueError) as error:
        raise TargetGone(f"{address}: no lab is up there ({error})") from error


def _folder(address: str) -> Path:
    scheme, _, path = address.partition(":")
    if scheme != "local" or not path:
        raise BadInput(f"--target {address}: a running lab is named local:FOLDER; `python -m targets list` shows them")
    return Path(path)


def running() -> tuple[str, ...]:
    """List the addresses of this user's labs that are up."""
    up = []
    for folder in build.folders():
        with suppress(TargetError, OSError):
            control.ask(folder, {"do": "cuts"}, timeout=ANSWER_S)
            up.append(f"local:{folder}")
    return tuple(up)


def down(address: str) -> None:
    """Tear a lab down, whoever owns it, and wait until nothing is left; nothing to do when it is not there."""
    folder = _folder(address)
    with suppress(TargetError):
        control.ask(folder, {"do": "down"}, timeout=ANSWER_S)
    deadline = time.monotonic() + DOWN_S
    while folder.exists():
        if keeper.is_abandoned(folder):
            keeper.sweep(folder)
        if time.monotonic() > deadline:
            raise TargetError(f"{address}: something of the lab is still there after {DOWN_S:.0f} s; see {folder}")
        time.sleep(_POLL_S)
