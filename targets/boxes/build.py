"""Brings a lab of containers up, through testcontainers; takes away what dead owners left."""

import json
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import IPAMConfig, IPAMPool
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from targets.boxes import engine, layout
from targets.boxes.layout import Plan
from targets.lab import volumes
from targets.lab.front import DESCRIPTION as FRONTS
from targets.lab.host import DESCRIPTION, HOME
from targets.lab.layout import FRONT, LOCALHOST, PARTS, Part, names
from targets.target import TargetError

TRIES = 5  # a network or a port that was free a moment ago may be somebody's now
_SPARE = {part.name for part in PARTS if part.spare}
LEAVES_WITHIN_S, _POLL_S = 5.0, 0.2
_STALE = "has active endpoints"
_TAKEN = ("overlap", "already allocated", "address already in use")


def plan(lab: str) -> Plan:
    """Decide where everything of a new lab will be."""
    doors = (*(part.name for part in PARTS if part.serves), FRONT)
    ports = layout.free_ports((*doors, layout.CONTROL))
    return Plan(lab=lab, net=layout.some_net(), control=ports.pop(layout.CONTROL), doors=ports)


def new_id() -> str:
    """Name a new lab."""
    return uuid4().hex[:8]


def up(lab: str, image: str, say: Callable[[str], None]) -> Plan:
    """Start everything; whether it serves is not waited for. TargetError with the engine's words when it refuses."""
    _keep_the_reaper_away()
    for left in reversed(range(TRIES)):
        made = plan(lab)
        try:
            say("starting the containers")
            _start(made, image)
        except (DockerException, OSError) as error:
            down(lab)
            if not left or not any(word in str(error) for word in _TAKEN):
                raise engine.failed(error, "the lab cannot be started") from error
        else:
            return made
    raise AssertionError("unreachable")


def _keep_the_reaper_away() -> None:
    """Ryuk is used where its image is there already; the lab's keeper does without."""
    try:
        engine.client().images.get(testcontainers_config.ryuk_image)
    except ImageNotFound:
        testcontainers_config.ryuk_disabled = True


def _start(made: Plan, image: str) -> None:
    docker = engine.client()
    labels = made.labels("")
    pool = IPAMPool(subnet=f"{made.net}.0/24", gateway=f"{made.net}.1")
    docker.api.create_network(network(made.lab), driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), labels=labels)
    for name in (archive(made.lab), *(data(made.lab, part.name) for part in PARTS)):
        docker.volumes.create(name, labels=labels)
    for name in wal_volumes(made.lab).values():
        size = {"type": "tmpfs", "device": volumes.SOURCE, "o": f"size={volumes.MEGABYTES}m,mode=0700"}
        docker.volumes.create(name, driver="local", driver_opts=size, labels=labels)
    _switchboard(made, image).start()
    with ThreadPoolExecutor(len(PARTS)) as together:
        for box in together.map(lambda part: _node(made, image, part).start(), PARTS):
            if box.get_wrapped_container().labels[layout.NODE] in _SPARE:
                box.get_wrapped_container().stop(timeout=0)


def _switchboard(made: Plan, image: str) -> DockerContainer:
    doors = {layout.DOORS: json.dumps(dict(made.doors)), layout.CONTROL: f"{made.control} {made.word}"}
    command = ["python3", "-m", "targets.lab.front"]
    box = _box(made, image, layout.SWITCHBOARD, made.front, command, restarts=True, labels=doors)
    box.with_env(FRONTS, made.switchboard())
    # it runs commands for nodes that are down; and what is in memory stays for as long as somebody has it mounted
    for part in PARTS:
        _mount(box, made, part)
    for port in (*made.doors.values(), made.control):
        box.ports[str(port)] = (LOCALHOST, port)  # type: ignore[assignment]
    return box


def _node(made: Plan, image: str, part: Part) -> DockerContainer:
    command = ["python3", "-m", "targets.lab.host", part.name]
    box = _box(made, image, part.name, made.address(part.name), command, restarts=part.restarts)
    box.with_env(DESCRIPTION, made.node(part.name))
    _mount(box, made, part)
    return box


def _mount(box: DockerContainer, made: Plan, part: Part) -> None:
    """Give a container the volumes of a node, where the node has them."""
    box.with_volume_mapping(data(made.lab, part.name), str(HOME / part.name), "rw")
    if part.component == "postgres":
        box.with_volume_mapping(archive(made.lab), str(HOME / "archive"), "rw")
        box.with_volume_mapping(wal_volumes(made.lab)[part.name], str(HOME / part.name / volumes.NAME), "rw")


def _box(
    made: Plan,
    image: str,
    name: str,
    address: str,
    command: list[str],
    *,
    restarts: bool,
    labels: Mapping[str, str] | None = None,
) -> DockerContainer:
    docker = engine.client()
    return DockerContainer(
        image,
        command=command,  # type: ignore[arg-type]
        name=container(made.lab, name),
    ).with_kwargs(
        hostname=name,
        labels={**made.labels(name), **(labels or {})},
        restart_policy={"Name": "always"} if restarts else {"Name": "no"},
        cap_add=["NET_ADMIN"],
        network=network(made.lab),
        networking_config={network(made.lab): docker.api.create_endpoint_config(ipv4_address=address)},
    )


def network(lab: str) -> str:
    """Name a lab's network."""
    return f"drillyard-{lab}"


def archive(lab: str) -> str:
    """Name the volume to which a lab's primary hands over its WAL."""
    return f"drillyard-{lab}-archive"


def data(lab: str, node: str) -> str:
    """Name the volume with a node's data."""
    return f"drillyard-{lab}-{node}"


def wal_volumes(lab: str) -> dict[str, str]:
    """Name the volumes to which PostgreSQL nodes write their WAL: in memory, and of a limited size."""
    return {name: f"{data(lab, name)}-{volumes.NAME}" for name in names(volumes.COMPONENT)}


def container(lab: str, node: str) -> str:
    """Name a node's container."""
    return f"drillyard-{lab}-{node}"


def down(lab: str) -> tuple[str, ...]:
    """Remove everything that carries the lab's label; again is the same as once. TargetError when something stays.

    Names the networks that the engine keeps although nothing is on them: it has miscounted, and a restart mends that.
    """
    wrong: list[str] = []
    kept: list[str] = []
    wanted: dict[str, str | list[str] | bool] = {"label": f"{layout.LAB}={lab}"}
    docker = engine.client()
    try:
        with ThreadPoolExecutor(16) as pool:
            boxes = docker.containers.list(all=True, filters=wanted, ignore_removed=True)
            wrong += filter(None, pool.map(lambda box: _removed(lambda: box.remove(force=True, v=True)), boxes))
        for network_ in docker.networks.list(filters=wanted):
            if why := _removed(partial(_let_go, network_)):
                (kept if _STALE in why and not _users(network_) else wrong).append(why)
        for volume in docker.volumes.list(filters=wanted):
            wrong += filter(None, [_removed(partial(volume.remove, force=True))])
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"lab {lab} cannot be taken down") from error
    if wrong:
        raise TargetError(f"lab {lab} cannot be taken down: {'; '.join(wrong)}")
    return tuple(kept)


def _let_go(network_: Any) -> None:
    """Remove a network; what was on it a moment ago may still be leaving."""
    ends = time.monotonic() + LEAVES_WITHIN_S
    while True:
        try:
            network_.remove()
        except APIError as error:
            if _STALE not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(_POLL_S)
        else:
            return


def _users(network_: Any) -> bool:
    network_.reload()
    return bool(network_.attrs["Containers"])


def _removed(remove: Callable[[], Any]) -> str:
    try:
        remove()
    except NotFound:
        return ""
    except APIError as error:
        return "" if "is already in progress" in str(error) else str(error)
    return ""


def labs() -> dict[str, dict[str, str]]:
    """Map the ids of all labs of which anything is there to their labels."""
    found: dict[str, dict[str, str]] = {}
    wanted = {"label": layout.LAB}
    for labels in _all_labels(wanted):
        found.setdefault(labels[layout.LAB], labels)
    return found


def standing() -> tuple[str, ...]:
    """Name the labs that have containers."""
    boxes = engine.client().api.containers(all=True, filters={"label": layout.LAB})
    return tuple(dict.fromkeys(box["Labels"][layout.LAB] for box in boxes))


def _all_labels(wanted: dict[str, str]) -> Iterator[dict[str, str]]:
    docker = engine.client()
    for box in docker.api.containers(all=True, filters=wanted):
        yield box["Labels"]
    for network_ in docker.api.networks(filters=wanted):
        yield network_["Labels"]
    for volume in docker.api.volumes(filters=wanted)["Volumes"] or []:
        yield volume["Labels"]


def clear_abandoned() -> None:
    """Take away the labs of this machine whose owners are dead; somebody else's containers are never touched."""
    for lab, labels in labs().items():
        if labels.get(layout.HOST) == socket.gethostname() and layout.is_dead(labels.get(layout.OWNER, "")):
            with suppress(TargetError):
                down(lab)
