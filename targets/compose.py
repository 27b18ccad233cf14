"""A user's own compose project on this machine's Docker engine: `compose:PROJECT`.

One that runs is attached to, and has to be armed by name like everything that is not ours; one that does not is
brought up under a name of our own, with volumes of its own, and taken away with whoever asked for it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from testcontainers.compose import DockerCompose

from targets.boxes import engine, marked, services
from targets.boxes.keeper import Keeper
from targets.boxes.project import ProjectTarget
from targets.target import BadInput, DrillyardError, TargetError, TargetGone, Unable

UP_S = 120.0
_NAME = "COMPOSE_PROJECT_NAME"  # stronger than the name in the file


def create(file: Path, *, on_progress: Callable[[str], None] | None = None) -> ProjectTarget:
    """Attach to the project of a compose file, or bring it up. BadInput: no engine, no compose, not such a file."""
    say = on_progress or (lambda _text: None)
    _check_engine()
    named = str(_config(file)["name"])
    if any(service.incarnation for service in services.of(named)):
        return ProjectTarget(named, disposable=False)
    clear_abandoned()
    project = marked.new()
    keeper = Keeper(f"compose:{project}")
    target = ProjectTarget(project, disposable=True, keeper=keeper)
    say(f"the project of {file.name}: its containers, and until they are healthy")
    try:
        _up(file, project)
        target.await_serving(UP_S)
    except BaseException:
        target.close()
        raise
    return target


def attach(address: str) -> ProjectTarget:
    """Open a project that is up, in any process. TargetGone when it is not there, BadInput for another address."""
    scheme, _, project = address.partition(":")
    if scheme != "compose" or not project:
        raise BadInput(
            f"--target {address}: a compose project is named compose:PROJECT; `docker compose ls` shows them"
        )
    _check_engine()
    if not services.of(project):
        raise TargetGone(f"{address}: no such project is up there")
    return ProjectTarget(project, disposable=marked.is_ours(project))


def running() -> tuple[str, ...]:
    """List the addresses of the projects that were brought up by us and are there; none where there is no engine."""
    try:
        return tuple(f"compose:{project}" for project in sorted(services.projects()) if marked.is_ours(project))
    except DrillyardError:
        return ()


def down(address: str) -> None:
    """Take a project away that we brought up; nothing to do when it is not there. BadInput for somebody else's."""
    project = address.partition(":")[2]
    if not marked.is_ours(project):
        raise BadInput(f"{address} was not brought up by Drillyard; `docker compose down` is its owner's to say")
    services.remove(project)


def clear_abandoned() -> None:
    """Take away what dead owners on this machine left; somebody else's projects are never touched."""
    for project in services.projects():
        if marked.is_abandoned(project):
            with suppress(TargetError):
                services.remove(project)


def _check_engine() -> None:
    try:
        engine.client()
    except Unable as lacks:
        raise BadInput(str(lacks)) from lacks


def _config(file: Path) -> dict[str, object]:
    """Have compose read the file: it fills in what is left out, and says in its own words what is wrong."""
    if not file.is_file():
        raise BadInput(f"compose = {str(file)!r}: there is no such file")
    if shutil.which("docker") is None:
        raise BadInput("compose: there is no `docker` command; install Docker's CLI with its compose plugin")
    argv = ["docker", "compose", "-f", str(file), "config", "--format", "json"]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BadInput(
            f"compose = {str(file)!r}: `docker compose config` says: {ran.stderr.strip()[-500:]} (version 2 is needed)"
        )
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def _up(file: Path, project: str) -> None:
    """Bring it up. Compose itself does not wait: it takes a service that has done its part for a failure."""
    try:
        with _named(project):
            DockerCompose(file.parent, file.name, wait=False).start()
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip()[-800:]
        raise TargetError(f"the project of {file} does not come up: {said}") from error


@contextmanager
def _named(project: str) -> Iterator[None]:
    """Let compose give this name to what it brings up, whatever the file says."""
    before = os.environ.get(_NAME)
    os.environ[_NAME] = project
    try:
        yield
    finally:
        os.environ.pop(_NAME)
        if before is not None:
            os.environ[_NAME] = before
