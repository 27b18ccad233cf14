"""Names that tell whose a thing is, for what can bear no label of ours: a compose project, a kind cluster."""

import binascii
import socket
from uuid import uuid4

from targets.boxes import layout

_OURS = "drillyard"


def new() -> str:
    """Make a name that says which process of which machine owns what bears it."""
    pid, _, started = layout.owner().partition(":")
    return f"{_OURS}-{_host()}-{pid}-{started}-{uuid4().hex[:6]}"


def is_ours(name: str) -> bool:
    """Tell whether a name was made here, on any machine."""
    return _owner(name) is not None


def is_abandoned(name: str) -> bool:
    """Tell whether a name was made by a process of this machine that has ended."""
    owner = _owner(name)
    return owner is not None and owner[0] == _host() and layout.is_dead(owner[1])


def _owner(name: str) -> tuple[str, str] | None:
    ours, _, rest = name.partition("-")
    words = rest.split("-")
    if ours != _OURS or len(words) != 4:
        return None
    host, pid, started, _ = words
    return host, f"{pid}:{started}"


def _host() -> str:
    return f"{binascii.crc32(socket.gethostname().encode()):08x}"
