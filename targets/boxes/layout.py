"""A lab of containers before anything is there: addresses, doors, descriptions, labels."""

import json
import os
import random
import secrets
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from targets.lab.host import HOME, PORTS
from targets.lab.layout import FRONT, LOCALHOST, PARTS, component_url, names
from targets.lab.processes import stat
from targets.lab.serving import socket_name

LAB, NODE, DOORS, CONTROL, OWNER, HOST = (
    f"drillyard.{word}" for word in ("lab", "node", "doors", "control", "owner", "host")
)
CODE = "/opt/lab"  # in the image
SWITCHBOARD = "front"  # the container with the doors
_FIRST = 10  # the last number of the first node's address; the switchboard's is 2
_NETS = [f"10.{two}.{three}" for two in range(201, 251) for three in range(256)]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where everything of a lab will be."""

    lab: str  # its id
    net: str  # "10.201.7": its network is 10.201.7.0/24
    doors: Mapping[str, int]  # node names, and "api", to the port of their door, the same inside and outside
    control: int = 0  # the port at which the front takes requests
    word: str = field(default_factory=lambda: secrets.token_hex(16))  # of those who may ask

    @property
    def front(self) -> str:
        """Give the switchboard's address."""
        return f"{self.net}.2"

    def address(self, node: str) -> str:
        """Give a node's address."""
        return f"{self.net}.{_FIRST + [part.name for part in PARTS].index(node)}"

    def node(self, name: str) -> str:
        """Describe a node to its launcher, in JSON."""
        component = name.rpartition("-")[0]
        urls = {each: component_url(each, self.doors) for each in ("postgres", "redis", "objects")}
        known = {
            "name": name,
            "socket": socket_name(component),
            "doors": {other: f"{self.front}:{port}" for other, port in self.doors.items()},
            "archive": str(HOME / "archive"),
            "urls": {each: url.replace(LOCALHOST, self.front) for each, url in urls.items()},
            "port": PORTS.get(component, 0),
        }
        return json.dumps(known)

    def switchboard(self) -> str:
        """Describe the doors to the front, in JSON."""
        servers = {
            part.name: f"{self.address(part.name)}:{PORTS[part.component]}" for part in PARTS if part.name in self.doors
        }
        doors = {name: [self.doors[name], {name: server}] for name, server in servers.items()}
        doors[FRONT] = [self.doors[FRONT], {name: servers[name] for name in names(FRONT)}]
        callers = {self.address(part.name): part.name for part in PARTS}
        return json.dumps({"doors": doors, "callers": callers, "control": self.control, "word": self.word})

    def labels(self, node: str) -> dict[str, str]:
        """Give the labels by which everybody knows what is whose."""
        return {LAB: self.lab, NODE: node, OWNER: owner(), HOST: socket.gethostname()}


def owner() -> str:
    """Name this process, for as long as this machine is up."""
    found = stat(os.getpid())
    return f"{os.getpid()}:{found[2] if found else 0}"


def is_dead(named: str) -> bool:
    """Tell whether an owner of this machine has ended."""
    pid, _, started = named.partition(":")
    found = stat(int(pid)) if pid.isdigit() else None
    return found is None or found[1] in "ZX" or str(found[2]) != started


def free_ports(doors: tuple[str, ...]) -> dict[str, int]:
    """Give each door a port that nobody has just now."""
    with ExitStack() as held:
        taken = [held.enter_context(socket.create_server((LOCALHOST, 0))) for _ in doors]
        return {door: sock.getsockname()[1] for door, sock in zip(doors, taken, strict=True)}


def some_net() -> str:
    """Draw a network's first three numbers; the engine says whether it is free."""
    return random.SystemRandom().choice(_NETS)
