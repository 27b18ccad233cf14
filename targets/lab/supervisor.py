"""The lab's supervisor: starts the nodes, restarts them, runs the links, answers on its control socket.

`python -m targets.lab.supervisor FOLDER KEEPER_FD`, started by the keeper with the owner's pipe as descriptor 0.
It ends when the owner's pipe or the keeper's reaches its end, or on `down`; clearing up is the keeper's part.
Standard library only.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from targets.lab import control, keeper
from targets.lab.layout import FRONT, LOCALHOST, PARTS, component_url, names
from targets.lab.links import Links
from targets.lab.nodes import NodeProcess
from targets.lab.serving import serves, socket_name
from targets.target import BadInput, DrillyardError, Rule, TargetError

_POLL_S = 0.01


class Supervisor:
    """A lab while it is up; must be made while the event loop runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links = Links(folder)
        self.nodes: dict[str, NodeProcess] = {}
        self.over = asyncio.Event()

    async def up(self) -> None:
        """Open all doors, write down where they are, start all nodes, listen for requests."""
        doors = {}
        for part in PARTS:
            if part.serves:
                path = f"{part.name}/{socket_name(part.component)}"
                doors[part.name] = await self.links.add(part.name, {part.name: path}, LOCALHOST)
        replicas = {name: f"{name}/{socket_name(FRONT)}" for name in names(FRONT)}
        doors[FRONT] = await self.links.add(FRONT, replicas, LOCALHOST)
        (self.folder / "archive").mkdir()
        for part in PARTS:
            self.nodes[part.name] = NodeProcess(part, self.folder, _config(part.name, self.folder, doors))
            self.nodes[part.name].spawn()
        (self.folder / "doors.json").write_text(json.dumps(doors))
        await asyncio.start_unix_server(self._serve, control.NAME)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):
            answer = await self._answer(json.loads(await reader.readline()))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = getattr(self, f"do_{request.pop('do', '')}", None)
        if verb is None:
            return {"error": "the lab knows no such request", "kind": "BadInput"}
        try:
            return {"ok": await verb(**request)}
        except DrillyardError as error:
            return {"error": str(error), "kind": type(error).__name__}
        except (OSError, TypeError) as error:
            return {"error": f"the lab could not do that: {error}", "kind": "TargetError"}

    def _node(self, name: str) -> NodeProcess:
        if name not in self.nodes:
            raise BadInput(f"the lab has no node {name!r}; it has {', '.join(self.nodes)}")
        return self.nodes[name]

    async def do_status(self) -> dict[str, Any]:
        """Say how each node is: its incarnation, how often it was restarted, how its last process ended."""
        return {
            name: {"incarnation": node.incarnation, "restarts": node.restarts, "code": node.code}
            for name, node in self.nodes.items()
        }

    async def do_log(self, node: str) -> str:
        """Give the end of a node's log."""
        return self._node(node).last_words()

    async def do_incarnation(self, node: str) -> str | None:
        """Identify the running instance."""
        return self._node(node).incarnation

    async def do_kill(self, node: str, incarnation: str) -> None:
        """Kill that very instance."""
        await self._node(node).kill(incarnation)

    async def do_start(self, node: str, within: float) -> None:
        """Start the node and wait until it serves."""
        found = self._node(node)
        found.spawn()
        try:
            async with asyncio.timeout(within):
                await self._until_serving(found)
        except TimeoutError:
            why = f"does not serve {within:.0f} s after its start; its log ends:\n{found.last_words()}"
            raise TargetError(f"{node} {why}") from None

    async def _until_serving(self, node: NodeProcess) -> None:
        while not await serves(node.part.component, node.folder):
            if node.incarnation is None and not node.part.restarts:
                raise TargetError(f"{node.part.name} ended while starting; its log ends:\n{node.last_words()}")
            await asyncio.sleep(_POLL_S)

    async def do_cut(self, **rule: Any) -> None:
        """Put a rule in force."""
        rule = {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items()}
        self.links.cut(self._checked(Rule(**rule)))

    def _checked(self, rule: Rule) -> Rule:
        if rule.mode not in ("drop", "reject"):
            raise BadInput(f"rule {rule.id}: mode {rule.mode!r}; use drop or reject")
        for name in {*rule.sources, *rule.destinations} - {"*", "outside"}:
            self._node(name)
        if not any(name in self.links.doors for name in rule.destinations):
            listed = ", ".join(rule.destinations) or "no node"
            raise BadInput(f"rule {rule.id}: {listed} takes no connections, so the cut would do nothing")
        return rule

    async def do_uncut(self, id: str) -> None:  # noqa: A002  the field's name on the wire
        """Take a rule away."""
        self.links.uncut(id)

    async def do_cuts(self) -> list[str]:
        """List the ids of the rules in force."""
        return self.links.cuts()

    async def do_burn(self, node: str, stress_id: str, workers: int, seconds: float) -> None:
        """Start burners beside a node."""
        self._node(node).burn(stress_id, workers=workers, seconds=seconds)

    async def do_extinguish(self, stress_id: str) -> None:
        """End the burners of that id, wherever they are."""
        for node in self.nodes.values():
            node.extinguish(stress_id)

    async def do_burning(self, stress_id: str) -> int:
        """Count the burners of that id."""
        return sum(node.burning(stress_id) for node in self.nodes.values())

    async def do_burners(self) -> list[str]:
        """List the ids of which burners run."""
        return sorted({stress_id for node in self.nodes.values() for stress_id in node.burners()})

    async def do_down(self) -> None:
        """End; the keeper clears up."""
        asyncio.get_running_loop().call_later(_POLL_S, self.over.set)  # after the answer has left


def _config(name: str, folder: Path, doors: dict[str, int]) -> dict[str, Any]:
    """Write what a launcher has to know; a container's or a pod's would carry host names instead of 127.0.0.1."""
    component = name.rpartition("-")[0]
    return {
        "name": name,
        "socket": socket_name(component),
        "doors": {other: f"{LOCALHOST}:{port}" for other, port in doors.items()},
        "archive": str(folder / "archive"),
        "urls": {each: component_url(each, doors) for each in ("postgres", "redis", "objects")},
    }


def _watch_pipe(over: asyncio.Event, handle: int) -> None:
    """End when the other side of a pipe is closed: whoever held it is dead."""

    def look() -> None:
        if not os.read(handle, 64):
            over.set()

    asyncio.get_running_loop().add_reader(handle, look)


async def supervise(folder: Path, keeper_handle: int) -> None:
    """Run a lab until it is over; when its keeper was killed, do the keeper's part."""
    supervisor, orphaned = Supervisor(folder), asyncio.Event()
    _watch_pipe(supervisor.over, 0)
    _watch_pipe(orphaned, keeper_handle)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, supervisor.over.set)
    waits = (supervisor.over.wait(), orphaned.wait(), _up(supervisor))
    await asyncio.wait([asyncio.create_task(one) for one in waits], return_when=asyncio.FIRST_COMPLETED)
    if orphaned.is_set():
        keeper.sweep(folder)
    os._exit(0)  # at once: restarts and links must not go on while the keeper sweeps


async def _up(supervisor: Supervisor) -> bool:
    try:
        await supervisor.up()
    except (OSError, DrillyardError) as error:
        print(f"the lab's supervisor could not start: {error}", file=sys.stderr, flush=True)
        return False
    return await supervisor.over.wait()


def main() -> None:
    """Read the command line."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # held connections cost a descriptor each
    for handle in (int(sys.argv[2]), 0):
        os.set_inheritable(handle, False)  # noqa: FBT003
    asyncio.run(supervise(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
