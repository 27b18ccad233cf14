"""The lab as containers on this machine's Docker engine: `containers:LAB`, where LAB is the lab's id."""

import json
import os
from collections.abc import Callable

from docker.errors import DockerException, NotFound
from docker.models.containers import Container

from targets import where
from targets.boxes import build, engine, image, layout
from targets.boxes.keeper import Keeper
from targets.boxes.target import DOWN_S, ContainersTarget
from targets.target import BadInput, DrillyardError, TargetGone, Unable

UP_S = 120.0


def create(*, on_progress: Callable[[str], None] | None = None) -> ContainersTarget:
    """Start a lab that this process owns: it is taken away when the process ends, however that happens.

    Returns when everything is ready. BadInput without an engine; TargetError names the node that is not ready.
    """
    say = on_progress or (lambda _text: None)
    try:
        engine.client()
    except Unable as lacks:
        raise BadInput(str(lacks)) from lacks
    build.clear_abandoned()
    named = image.find(os.environ.get(where.IMAGE), say)
    lab = build.new_id()
    keeper = Keeper(f"containers:{lab}")
    try:
        made = build.up(lab, named, say)
        target = ContainersTarget(lab, made.front, dict(made.doors), keeper)
        from targets.lab.ready import wait_until_ready  # noqa: PLC0415  the servers' clients, while the servers start

        wait_until_ready(made.doors, target, say, UP_S)
    except BaseException:
        keeper.let_go(DOWN_S)
        raise
    return target


def attach(address: str) -> ContainersTarget:
    """Open a lab that is up, in any process. TargetGone when it is not there, BadInput for another address."""
    lab = _lab(address)
    try:
        box = engine.client().containers.get(build.container(lab, layout.SWITCHBOARD))
    except NotFound as error:
        raise TargetGone(f"{address}: no lab is up there") from error
    except (DockerException, OSError) as error:
        raise engine.failed(error, address) from error
    return ContainersTarget(lab, _address(box), json.loads(box.labels[layout.DOORS]))


def _address(box: Container) -> str:
    networks = box.attrs["NetworkSettings"]["Networks"]
    found: str = next(iter(networks.values()))["IPAMConfig"]["IPv4Address"]
    return found


def _lab(address: str) -> str:
    scheme, _, lab = address.partition(":")
    if scheme != "containers" or not lab.isalnum():
        raise BadInput(
            f"--target {address}: a running lab is named containers:LAB; `python -m targets list` shows them"
        )
    return lab


def running() -> tuple[str, ...]:
    """List the addresses of the labs of this machine that are there; none where there is no engine."""
    try:
        return tuple(f"containers:{lab}" for lab in build.standing())
    except DrillyardError:
        return ()


def down(address: str) -> None:
    """Take a lab away, whoever owns it; nothing to do when it is not there."""
    build.down(_lab(address))
