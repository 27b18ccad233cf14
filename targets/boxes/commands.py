"""Commands and files where a node is, and the engine's answers in the house's words."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import Any

from docker.errors import APIError, DockerException, NotFound

from targets.boxes import build, engine, here, layout
from targets.lab.host import HOME
from targets.target import TargetError, TargetGone
from targets.waiting import until

Said = tuple[int, str, str]  # exit code, output, errors
_KILLED = 137
_CUT_OFF = (_KILLED, 126)  # of a command whose container ended meanwhile, or as it began; and of others
_KNOWN_WITHIN_S = 1.0  # the engine says so 0.1 s after the command
_NOT_RUNNING = ("is not running", "is restarting", "is paused")


class NotRunning(TargetError):
    """The engine says that the container does not run."""


@contextmanager
def answered(lab: str, node: str) -> Iterator[None]:
    """Let the engine's errors be the house's. TargetGone when there is no such container."""
    try:
        yield
    except NotFound as error:
        raise TargetGone(f"containers:{lab}: there is no {node} there") from error
    except (APIError, DockerException, OSError) as error:
        if any(words in str(error) for words in _NOT_RUNNING):
            raise NotRunning(f"containers:{lab}: {node} does not run") from error
        raise engine.failed(error, f"containers:{lab}: {node}") from error


def inside(lab: str, node: str, argv: list[str], *, detach: bool = False, **options: Any) -> Said:
    """Run a command in a container; NotRunning when it does not run, or ends before the command does."""
    api, before = engine.client().api, incarnation(inspect(lab, node))
    with answered(lab, node):
        made = api.exec_create(build.container(lab, node), argv, **options)
        if detach:
            api.exec_start(made["Id"], detach=True)
            return 0, "", ""
        out, err = api.exec_start(made["Id"], demux=True)
        told = api.exec_inspect(made["Id"])["ExitCode"]
    code = _KILLED if told is None else int(told)
    if code in _CUT_OFF and _has_ended(lab, node, before):
        raise NotRunning(f"containers:{lab}: {node} ended before {argv[0]} did")
    return code, _text(out), _text(err)


def _has_ended(lab: str, node: str, instance: str | None) -> bool:
    """Say whether that instance does not run any more, as soon as the engine knows."""
    with suppress(TargetError):
        until(lambda: incarnation(inspect(lab, node)) != instance, _KNOWN_WITHIN_S, f"{node} to end")
        return True
    return False


def read(lab: str, node: str, name: str) -> str | None:
    """Read a file in a node's folder, whether the node runs or not; None when there is none."""
    try:
        stream, _ = engine.client().api.get_archive(build.container(lab, node), str(HOME / node / name))
    except NotFound as error:
        if "No such container" in str(error):
            raise TargetGone(f"containers:{lab}: there is no {node} there") from error
        return None
    except (APIError, DockerException, OSError) as error:
        raise engine.failed(error, f"containers:{lab}: {node}") from error
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        found = tar.extractfile(tar.getmembers()[0])
        return found.read().decode() if found else None


def write(lab: str, node: str, name: str, text: str) -> None:
    """Write a file in a node's folder, whether the node runs or not; its owner and its rights stay what they were."""
    path = PurePosixPath(str(HOME / node / name))
    made, packed = tarfile.TarInfo(path.name), io.BytesIO()
    made.size = len(text.encode())
    made.uid, made.gid, made.mode = _rights(lab, node, str(path))
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(made, io.BytesIO(text.encode()))
    with answered(lab, node):
        engine.client().api.put_archive(build.container(lab, node), str(path.parent), packed.getvalue())


def _rights(lab: str, node: str, path: str) -> tuple[int, int, int]:
    """Give a file's owner, group and mode; those of a new one of root's when there is none."""
    try:
        stream, _ = engine.client().api.get_archive(build.container(lab, node), path)
    except (APIError, DockerException, OSError):
        return 0, 0, 0o644
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        found = tar.getmembers()[0]
        return found.uid, found.gid, found.mode


def inspect(lab: str, node: str) -> Mapping[str, Any]:
    """Give what the engine knows of a node's container."""
    with answered(lab, node):
        found: Mapping[str, Any] = engine.client().api.inspect_container(build.container(lab, node))
    return found


def incarnation(box: Mapping[str, Any]) -> str | None:
    """Identify the instance that runs by what the engine knows of its container; None when none does."""
    state = box["State"]
    runs = state["Running"] and not state["Restarting"] and not has_just_ended(box)
    return f"{box['Id'][:12]}:{state['StartedAt']}" if runs else None


def has_just_ended(box: Mapping[str, Any]) -> bool:
    """Tell whether the kernel knows already that a container is down: the engine takes half a second to see it."""
    state = box["State"]
    return bool(state["Running"] and engine.is_here() and here.has_ended(box["Id"], state["Pid"]))


def processes(lab: str) -> Mapping[str, list[here.Found]]:
    """List the processes of the nodes that run, and of the front, with the pids that the engine knows them by."""
    api, wanted = engine.client().api, {"label": f"{layout.LAB}={lab}", "status": "running"}
    with answered(lab, "any node"):
        running = api.containers(filters=wanted)
    boxes = {box["Id"]: box["Labels"][layout.NODE] for box in running if layout.NODE in box["Labels"]}
    seen = here.processes(boxes)
    if not seen and boxes:
        with ThreadPoolExecutor(len(boxes)) as pool:
            return dict(zip(boxes.values(), pool.map(_listed, boxes), strict=True))
    return {boxes[box]: found for box, found in seen.items()}


def _listed(box: str) -> list[here.Found]:
    try:
        listed = engine.client().api.top(box, ps_args="-eo pid,stat,args")
    except (APIError, OSError):
        return []  # it ended meanwhile
    return [(int(row[0]), row[1], row[2]) for row in listed["Processes"]]


def _text(said: bytes | None) -> str:
    return (said or b"").decode(errors="replace")
