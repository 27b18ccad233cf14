"""A helping hand: a container that is there for one command, and sees the machine's processes as the engine does.

What a user's own containers lack (nft, even kill), it brings along; it acts on them from outside, by their pids.
"""

import os

from docker.errors import ContainerError, DockerException

from targets import where
from targets.boxes import engine, image
from targets.target import TargetError

LABEL = "drillyard.hand"  # the project that it helps with


def lend(project: str, script: str) -> str:
    """Run a shell script there and give what it says. TargetError with its errors when it fails."""
    named = image.find(os.environ.get(where.IMAGE), lambda _text: None)
    argv, labels = ["sh", "-ec", script], {LABEL: project}
    try:
        said: bytes = engine.client().containers.run(
            named, argv, remove=True, labels=labels, pid_mode="host", privileged=True, network_mode="none"
        )
    except ContainerError as error:
        raise TargetError(f"compose:{project}: {_text(error.stderr).strip()[-300:]}") from error
    except (DockerException, OSError) as error:
        raise engine.failed(error, f"compose:{project}") from error
    return _text(said)


def _text(said: bytes | str | None) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""
