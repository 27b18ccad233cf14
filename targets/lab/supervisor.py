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
from pathlib import Path
from typing import Any

from targets.lab import control, keeper, liveness, requests, spaces, volumes
from targets.lab.layout import FRONT, LOCALHOST, PARTS, component_url, names
from targets.lab.links import Links
from targets.lab.nodes import NodeProcess
from targets.lab.reach import Reach
from targets.lab.serving import socket_name, socket_path
from targets.target import BadInput, DrillyardError


class Supervisor:
    """A lab while it is up; must be made while the event loop runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.volumes = volumes.Volumes()
        self.spaces = {part.name: spaces.make() for part in PARTS} if spaces.permitted() else {}
        self.links = Links(folder, self.spaces)
        self.reach = Reach(self.links, self.spaces)
        self.nodes: dict[str, NodeProcess] = {}
        self.over = asyncio.Event()
        self._probes: list[asyncio.Task[None]] = []

    async def up(self) -> None:
        """Open all doors, write down where they are, start all nodes, listen for requests."""
        doors = {}
        for part in PARTS:
            if part.serves:
                doors[part.name] = await self.links.add(part.name, {part.name: socket_path(part.name)}, LOCALHOST)
        replicas = {name: socket_path(name) for name in names(FRONT)}
        doors[FRONT] = await self.links.add(FRONT, replicas, LOCALHOST)
        (self.folder / "archive").mkdir()
        for part in PARTS:
            config = _config(part.name, self.folder, doors)
            self.nodes[part.name] = NodeProcess(part, self.folder, config, self.spaces.get(part.name))
            if part.component == volumes.COMPONENT:
                self.volumes.add(self.nodes[part.name].folder)
            if not part.spare:
                self.nodes[part.name].spawn()
            if part.liveness:
                self._probes.append(asyncio.create_task(liveness.watch(self.nodes[part.name])))
        (self.folder / "doors.json").write_text(json.dumps(doors))
        await asyncio.start_unix_server(requests.answering(self), control.NAME)

    def node(self, name: str) -> NodeProcess:
        """Find a node. BadInput names those there are."""
        if name not in self.nodes:
            raise BadInput(f"the lab has no node {name!r}; it has {', '.join(self.nodes)}")
        return self.nodes[name]


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
        volumes.take_away(folder)  # a folder cannot be removed by those who see a volume mounted on it
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
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # PostgreSQL panics when its disk is full; that is no bug of its
    for handle in (int(sys.argv[2]), 0):
        os.set_inheritable(handle, False)  # noqa: FBT003
    asyncio.run(supervise(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
