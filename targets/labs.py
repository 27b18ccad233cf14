"""The labs of every kind that are up on this machine."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from targets import local
from targets.lab import build
from targets.target import Unable, scheme_module

KINDS = ("local", "containers", "kind")
_CLUSTER = "io.x-k8s.kind.cluster"  # kind's own label
_SOCKET = Path("/var/run/docker.sock")


def running() -> tuple[str, ...]:
    """List the addresses of this user's labs that are up."""
    return (*local.running(), *_containers())


def standing() -> tuple[str, ...]:
    """List the addresses of this user's labs that somebody keeps up, those that do not answer included."""
    return (*local.standing(), *_containers())


def down(address: str) -> None:
    """Tear a lab down, whoever owns it; nothing to do when it is not there."""
    scheme_module(address).down(address)


def clear_abandoned() -> None:
    """Clear away what labs left whose every guardian was killed at once."""
    build.clear_abandoned()
    if _has_engine():
        from targets.boxes import build as boxes  # noqa: PLC0415  the engine's client takes a while to import

        with suppress(Unable):  # of an engine that does not answer nobody has a lab now
            boxes.clear_abandoned()
        if _has_clusters():
            from targets import kind  # noqa: PLC0415  as above

            kind.clear_abandoned()


def _containers() -> tuple[str, ...]:
    if not _has_engine():
        return ()
    from targets import containers  # noqa: PLC0415  as above

    return (*containers.running(), *_kind())


def _kind() -> tuple[str, ...]:
    if not _has_clusters():
        return ()
    from targets import kind  # noqa: PLC0415  as above

    return kind.running()


def _has_clusters() -> bool:
    """Ask the engine, whose client takes less time than the clusters'."""
    if shutil.which("kind") is None:
        return False
    from targets.boxes import engine  # noqa: PLC0415  as above

    try:
        return bool(engine.client().api.containers(all=True, filters={"label": _CLUSTER}))
    except (Unable, OSError):
        return False


def _has_engine() -> bool:
    return _SOCKET.exists() or "DOCKER_HOST" in os.environ or shutil.which("docker") is not None
