"""The containers of a compose project, as the engine knows them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from docker.errors import DockerException, NotFound

from targets.boxes import engine
from targets.target import BadInput

PROJECT, SERVICE, NUMBER = (f"com.docker.compose.{word}" for word in ("project", "service", "container-number"))
ZONE = "drillyard.zone"  # a label that the compose file may give a service
KINDS = {5432: "postgresql", 6379: "redis"}  # a server's own port tells what it speaks; all others speak HTTP


@dataclass(frozen=True, kw_only=True)
class Service:
    """One container of a service."""

    id: str
    container: str  # its name for the engine
    name: str  # the node's: "web-1"
    component: str  # the service
    zone: str
    pid: int  # of its first process, as the machine counts; 0 when it does not run
    incarnation: str | None
    paused: bool
    done: bool  # ended well, and not to be restarted
    health: str  # "starting", "healthy", "unhealthy", "" without a health check
    published: tuple[str, int] | None  # where the machine takes connections for it
    endpoint: str
    addresses: tuple[str, ...]  # on the project's networks
    box: Mapping[str, Any]  # all that the engine says


def of(project: str) -> tuple[Service, ...]:
    """List a project's containers, running or not, by service and number."""
    api = engine.client().api
    try:
        listed = api.containers(all=True, filters={"label": f"{PROJECT}={project}"})
        with ThreadPoolExecutor(max(1, len(listed))) as pool:
            known = [found for found in pool.map(lambda one: _inspected(one["Id"]), listed) if found]
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"compose:{project}") from error
    return tuple(sorted(map(_service, known), key=lambda service: service.name))


def remove(project: str) -> None:
    """Remove a project's containers, networks and volumes; again is the same as once. TargetError: something stays."""
    docker = engine.client()
    wanted: dict[str, str | list[str] | bool] = {"label": f"{PROJECT}={project}"}
    try:
        for box in docker.containers.list(all=True, filters=wanted, ignore_removed=True):
            with suppress(NotFound):
                box.remove(force=True, v=True)
        for network in docker.networks.list(filters=wanted):
            with suppress(NotFound):
                network.remove()
        for volume in docker.volumes.list(filters=wanted):
            with suppress(NotFound):
                volume.remove()
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"compose:{project} cannot be taken down") from error


def projects() -> frozenset[str]:
    """Name the projects of which anything is there."""
    api, wanted = engine.client().api, {"label": PROJECT}
    try:
        boxes, networks = api.containers(all=True, filters=wanted), api.networks(filters=wanted)
        volumes = api.volumes(filters=wanted)["Volumes"] or []
    except (DockerException, OSError) as error:
        raise engine.failed(error, "compose projects cannot be listed") from error
    return frozenset(each["Labels"][PROJECT] for each in (*boxes, *networks, *volumes))


def _inspected(container: str) -> Mapping[str, Any] | None:
    try:
        found: Mapping[str, Any] = engine.client().api.inspect_container(container)
    except NotFound:
        return None  # removed meanwhile
    return found


def _service(box: Mapping[str, Any]) -> Service:
    labels, state, host = box["Config"]["Labels"], box["State"], box["HostConfig"]
    runs = bool(state["Running"]) and not state["Restarting"]
    name = f"{labels[SERVICE]}-{labels.get(NUMBER, '1')}"
    at = _published(name, host["PortBindings"] or {})
    return Service(
        id=box["Id"],
        container=box["Name"].lstrip("/"),
        name=name,
        component=labels[SERVICE],
        zone=labels.get(ZONE, ""),
        pid=int(state["Pid"]),
        incarnation=f"{box['Id'][:12]}:{state['StartedAt']}" if runs else None,
        paused=bool(state["Paused"]),
        done=not runs and state["ExitCode"] == 0 and host["RestartPolicy"]["Name"] in ("", "no", "on-failure"),
        health=(state.get("Health") or {}).get("Status", "").replace("none", ""),
        published=at and at[1],
        endpoint=_url(at[0], at[1], box["Config"]["Env"] or []) if at else "",
        addresses=tuple(net["IPAddress"] for net in box["NetworkSettings"]["Networks"].values() if net["IPAddress"]),
        box=box,
    )


def _published(name: str, bindings: Mapping[str, Any]) -> tuple[int, tuple[str, int]] | None:
    """Give the first TCP port that is published, and where. BadInput when it would be another after every start."""
    for inside, outside in sorted(bindings.items()):
        port, _, protocol = inside.partition("/")
        if protocol != "tcp" or not outside:
            continue
        there = outside[0].get("HostPort") or "0"
        if there == "0":
            raise BadInput(
                f'{name}: its port {port} is published at random, at another after each start; write "PORT:{port}"'
            )
        host = outside[0].get("HostIp") or ""
        return int(port), ("127.0.0.1" if host in ("", "0.0.0.0") else host, int(there))  # noqa: S104  it is asked
    return None


def _url(port: int, at: tuple[str, int], environment: list[str]) -> str:
    """Write the URL as the well-known images take their users' names from the environment."""
    kind, (host, there) = KINDS.get(port, "http"), at
    known = dict(line.partition("=")[::2] for line in environment)
    if kind != "postgresql":
        return f"{kind}://{host}:{there}"
    user, password = known.get("POSTGRES_USER") or "postgres", known.get("POSTGRES_PASSWORD", "")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}" if password else quote(user, safe="")
    return f"postgresql://{who}@{host}:{there}/{known.get('POSTGRES_DB') or user}"
