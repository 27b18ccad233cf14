"""The embedded lab: `local:FOLDER`, where FOLDER is the lab's own. Standard library only, but for `create`."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from targets.lab import build, control, keeper
from targets.lab.inside import ANSWER_S
from targets.lab.target import LocalTarget, take_down
from targets.target import BadInput, TargetError, TargetGone

UP_S = 60.0
_POLL_S = 0.005


def create(*, on_progress: Callable[[str], None] | None = None) -> LocalTarget:
    """Start a lab that this process owns: it is torn down when the process ends, however that happens.

    Returns when everything is ready. TargetError names the node that is not, with the end of its log.
    """
    say = on_progress or (lambda _text: None)
    say("starting the servers")
    started = build.start()
    try:
        doors = _wait_for_doors(started)
        from targets.lab.ready import wait_until_ready  # noqa: PLC0415  the servers' clients, while the servers start

        wait_until_ready(doors, LocalTarget(started.folder, doors), say, UP_S)
    except BaseException:
        LocalTarget(started.folder, {}, started).close()
        raise
    return LocalTarget(started.folder, doors, started)


def _wait_for_doors(started: build.Started) -> dict[str, int]:
    deadline = time.monotonic() + UP_S
    while time.monotonic() < deadline and started.process.poll() is None:
        with suppress(TargetGone, FileNotFoundError):
            return _doors(started.folder)
        time.sleep(_POLL_S)
    raise TargetError(f"the lab's supervisor did not come up: {started.errors() or 'no word from it'}")


def _doors(folder: Path) -> dict[str, int]:
    control.ask(folder, {"do": "links.cuts"}, timeout=ANSWER_S)
    doors: dict[str, int] = json.loads((folder / "doors.json").read_text())
    return doors


def attach(address: str) -> LocalTarget:
    """Open a lab that is up, in any process. TargetGone when it is not there, BadInput for another address."""
    folder = _folder(address)
    try:
        return LocalTarget(folder, _doors(folder))
    except FileNotFoundError as error:
        raise TargetGone(f"{address}: no lab is up there ({error})") from error
    except (OSError, ValueError) as error:
        raise TargetError(f"{address}: its doors.json cannot be read ({error})") from error


def _folder(address: str) -> Path:
    scheme, _, path = address.partition(":")
    if scheme != "local" or not path:
        raise BadInput(f"--target {address}: a running lab is named local:FOLDER; `python -m targets list` shows them")
    return Path(path)


def running() -> tuple[str, ...]:
    """List the addresses of this user's labs that are up."""
    up = []
    for folder in build.folders():
        with suppress(TargetError, OSError):
            control.ask(folder, {"do": "links.cuts"}, timeout=ANSWER_S)
            up.append(f"local:{folder}")
    return tuple(up)


def standing() -> tuple[str, ...]:
    """List the addresses of this user's labs that somebody keeps up, those that do not answer included."""
    return tuple(f"local:{folder}" for folder in build.folders() if not keeper.is_abandoned(folder))


def down(address: str) -> None:
    """Tear a lab down, whoever owns it, and wait until nothing is left; nothing to do when it is not there."""
    take_down(_folder(address))
