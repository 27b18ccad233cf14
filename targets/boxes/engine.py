"""The Docker engine, or why there is none."""

import os
import socket
from functools import lru_cache

import docker
from docker.errors import APIError, DockerException

from targets.target import TargetError, Unable

ANSWER_S = 20.0
OLDEST = (1, 41)  # of the engine's API: Docker 20.10
_SOCKET = "unix:///var/run/docker.sock"  # as Docker's own programs have it
_CURE = "start Docker and see that `docker info` works for this user, or name its socket in DOCKER_HOST"


@lru_cache(maxsize=1)
def client() -> docker.DockerClient:
    """Connect to the engine. Unable, with the cure, when there is none that this user may use."""
    try:
        _knock()
        found = docker.from_env(timeout=int(ANSWER_S))
        version = str(found.version()["ApiVersion"])
    except (DockerException, OSError) as error:
        raise Unable(f"no Docker engine answers ({_short(error)}); {_CURE}") from error
    if tuple(map(int, version.split("."))) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise Unable(f"the Docker engine's API is {version}, and {needed} is needed (Docker 20.10 or newer)")
    return found


def _knock() -> None:
    """Try the engine's socket: the client, when it cannot connect, forgets to close its own, and Python warns of it."""
    scheme, _, path = os.environ.get("DOCKER_HOST", _SOCKET).partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(ANSWER_S)
            sock.connect(path)


@lru_cache(maxsize=1)
def is_here() -> bool:
    """Tell whether the engine runs on this machine, and its processes are to be seen."""
    return client().info()["Name"] == socket.gethostname() and os.access("/proc/1/cgroup", os.R_OK)


def failed(error: APIError | DockerException | OSError, what: str) -> TargetError:
    """Tell what the engine could not do, in its own words."""
    return TargetError(f"{what}: the Docker engine says: {_short(error)}")


def _short(error: BaseException) -> str:
    says = getattr(error, "explanation", None) or str(error)
    return str(says).strip().splitlines()[0][:300] if str(says).strip() else type(error).__name__
