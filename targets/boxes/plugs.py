"""Taking a container off its networks, and putting it back as it was: the coarse partition, for any container.

The engine takes the container's interface away: its connections hang, those to it find no host, what it asks for finds
no way.  No program inside, and no right of the container's, is needed.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from shlex import join
from typing import Any

from docker.errors import APIError, DockerException, NotFound

from targets.boxes import engine
from targets.target import VictimGone

Box = Mapping[str, Any]  # a container, as the engine describes it
Plug = Mapping[str, Any]
_WITHOUT = ("none", "host", "container:")  # modes of containers that are on no network of their own
_THERE_ALREADY = ("already exists in network", "already attached to network")
_GONE_ALREADY = ("is not connected to",)


class Plugs(ABC):
    """The plugs of a target's containers."""

    @abstractmethod
    def inspect(self, node: str) -> Box:
        """Give what the engine knows of a node. BadInput when there is none of that name."""

    @abstractmethod
    def inspected(self) -> Mapping[str, Box]:
        """Give what the engine knows of every node."""

    def plugs(self, node: str) -> list[dict[str, Any]]:
        """List the networks that the node is on, with its address and its names there."""
        return of(self.inspect(node))

    def unplug(self, node: str, plugs: Sequence[Plug]) -> None:
        """Disconnect the node from those networks; nothing to do when it is off them."""
        pull(self.inspect(node), plugs)

    def plug(self, node: str, plugs: Sequence[Plug]) -> None:
        """Connect the node as it was; nothing to do for networks that it is on. VictimGone when it was removed."""
        push(self.inspect(node), plugs)

    def unplugged(self) -> frozenset[str]:
        """Name the nodes that should be on a network and are on none."""
        return frozenset(name for name, box in self.inspected().items() if lacks(box))


def of(box: Box) -> list[dict[str, Any]]:
    """List the networks that a container is on, with its address and its names there, as they were asked for."""
    found = box["NetworkSettings"]["Networks"].items()
    return [{"network": name, "address": _address(how), "names": _names(box, how)} for name, how in sorted(found)]


def pull(box: Box, plugs: Sequence[Plug]) -> None:
    """Disconnect a container from networks; nothing to do when it is off them."""
    for plug in plugs:
        if plug["network"] in box["NetworkSettings"]["Networks"]:
            _asked(box, _GONE_ALREADY, "disconnect_container_from_network", plug["network"])


def push(box: Box, plugs: Sequence[Plug]) -> None:
    """Connect a container to networks; nothing to do for those that it is on. VictimGone when it was removed."""
    for plug in plugs:
        if plug["network"] not in box["NetworkSettings"]["Networks"]:
            how = {"ipv4_address": plug["address"] or None, "aliases": list(plug["names"])}
            _asked(box, _THERE_ALREADY, "connect_container_to_network", plug["network"], **how)


def spelled(box: Box, plugs: Sequence[Plug]) -> tuple[str, ...]:
    """Write down the engine's own commands that connect a container to networks."""
    connect, whom = ["docker", "network", "connect"], box["Name"].lstrip("/")
    return tuple(join([*connect, *_options(plug), str(plug["network"]), whom]) for plug in plugs)


def lacks(box: Box) -> bool:
    """Tell whether a container that is meant to be on a network is on none."""
    mode = str(box["HostConfig"]["NetworkMode"])
    return not mode.startswith(_WITHOUT) and not box["NetworkSettings"]["Networks"]


def _options(plug: Plug) -> list[str]:
    names = [word for name in plug["names"] for word in ("--alias", str(name))]
    return [*(["--ip", str(plug["address"])] if plug["address"] else []), *names]


def _address(how: Mapping[str, Any]) -> str:
    return str((how.get("IPAMConfig") or {}).get("IPv4Address") or "")


def _names(box: Box, how: Mapping[str, Any]) -> list[str]:
    """Leave out its own id, by which the engine calls it anyway."""
    return [name for name in how.get("Aliases") or [] if name != box["Id"][:12]]


def _asked(box: Box, so_already: Sequence[str], do: str, network: str, **how: Any) -> None:
    try:
        getattr(engine.client().api, do)(box["Id"], network, **how)
    except NotFound as error:
        raise VictimGone(f"{box['Name'].lstrip('/')}, or its network {network}, was removed") from error
    except APIError as error:
        if not any(words in str(error) for words in so_already):  # somebody else was faster
            raise engine.failed(error, f"{box['Name'].lstrip('/')} and {network}") from error
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"{box['Name'].lstrip('/')} and {network}") from error
