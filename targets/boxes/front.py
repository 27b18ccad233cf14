"""Words with a lab's front: the doors, the rules on the links behind them, and who serves."""

import socket
from functools import lru_cache
from typing import Any

from targets.boxes import commands, layout
from targets.lab import control
from targets.lab.layout import LOCALHOST
from targets.target import TargetError

PATIENCE_S = 60.0


def ask(lab: str, do: str, **fields: Any) -> Any:
    """Have the front do something. TargetGone when the lab is not there, TargetError when it fails or hangs."""
    port, word = _control(lab)
    try:
        with socket.create_connection((LOCALHOST, port), timeout=PATIENCE_S) as sock:
            answer = control.exchange(sock, {"do": do, "word": word, **fields})
    except (OSError, ValueError) as error:
        commands.inspect(lab, layout.SWITCHBOARD)  # of a lab that is gone there is none
        raise TargetError(f"containers:{lab}: the front gave no answer to {do!r} ({error})") from error
    return control.understood(answer)


@lru_cache(maxsize=64)
def _control(lab: str) -> tuple[int, str]:
    port, _, word = str(commands.inspect(lab, layout.SWITCHBOARD)["Config"]["Labels"][layout.CONTROL]).partition(" ")
    return int(port), word
