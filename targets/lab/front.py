"""The front: the doors of a lab whose nodes are hosts of their own, and the rules on the links behind them.

`python -m targets.lab.front` with its description in $LAB_FRONT: `{"doors": {NAME: [PORT, {NODE: "HOST:PORT"}]},
"callers": {ADDRESS: NODE}, "control": PORT, "word": WORD}`.  Every caller, node or not, reaches a server through its
door, as in the embedded lab; requests come in at the control port.  Standard library only.
"""

import asyncio
import json
import os
import resource
from pathlib import Path
from typing import Any

from targets.lab import requests
from targets.lab.links import Links
from targets.lab.reach import Reach
from targets.target import BadInput

DESCRIPTION = "LAB_FRONT"
EVERYWHERE = "0.0.0.0"  # noqa: S104  of its own container


class Front:
    """The doors while they are open; must be made while the event loop runs."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.doors: dict[str, tuple[int, dict[str, str]]] = description["doors"]
        self.callers: dict[str, str] = description["callers"]
        self.control: tuple[int, str] = description["control"], description["word"]
        self.links = Links(Path("/"), callers=self.callers)
        self.reach = Reach(self.links, {})
        self.wanted = {name: list(backends) for name, (_, backends) in self.doors.items()}

    async def open(self) -> None:
        """Open all doors and listen for requests."""
        for name, (port, backends) in self.doors.items():
            await self.links.add(name, backends, EVERYWHERE, port)
        port, word = self.control
        await asyncio.start_server(requests.answering(self, word), EVERYWHERE, port)

    def node(self, name: str) -> str:
        """Check that there is such a node. BadInput names those there are."""
        if name not in self.callers.values():
            raise BadInput(f"the lab has no node {name!r}; it has {', '.join(self.callers.values())}")
        return name

    def server(self, name: str) -> str:
        """Say where a node's server listens, HOST:PORT; "" for one that takes no connections."""
        return self.doors[name][1][name] if name in self.doors else ""


async def serve() -> None:
    """Run until it is killed."""
    front = Front(json.loads(os.environ[DESCRIPTION]))
    await front.open()
    await asyncio.Event().wait()


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # held connections cost a descriptor each
    asyncio.run(serve())
