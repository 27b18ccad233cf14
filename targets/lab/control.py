"""The supervisor's control socket, from the caller's side: one JSON line there, one back. Standard library only."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from targets.target import BadInput, TargetError, TargetGone, VictimGone

NAME = "control.sock"
GONE = (FileNotFoundError, NotADirectoryError, ConnectionRefusedError)
_KINDS = {kind.__name__: kind for kind in (BadInput, TargetError, TargetGone, VictimGone)}


def ask(folder: Path, request: dict[str, Any], *, timeout: float) -> Any:
    """Have the supervisor do something. TargetGone when it is not there, TargetError when it fails or hangs.

    Gone is said only of a lab that is: one that may not be asked, or breaks off, may still hold harm.
    """
    try:
        with _connected(folder, timeout) as sock:
            answer = exchange(sock, request)
    except TimeoutError as error:
        raise TargetError(f"local:{folder}: the lab did not answer {request['do']!r} within {timeout:.1f} s") from error
    except GONE as error:
        raise TargetGone(f"local:{folder}: no lab is up there ({error})") from error
    except (OSError, ValueError) as error:
        kind = TargetError if _listens(folder) else TargetGone
        raise kind(f"local:{folder}: the lab gave no answer to {request['do']!r} ({error})") from error
    return understood(answer)


def exchange(sock: socket.socket, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request over a connection, and give the answer as it came. OSError, ValueError when there is none."""
    sock.sendall(json.dumps(request).encode() + b"\n")
    answer: dict[str, Any] = json.loads(_line(sock))
    return answer


def understood(answer: dict[str, Any]) -> Any:
    """Give what an answer says, or raise the error that it carries."""
    if "error" in answer:
        raise _KINDS.get(answer["kind"], TargetError)(answer["error"])
    return answer["ok"]


def _listens(folder: Path) -> bool:
    """Tell whether somebody is there, whoever may ask."""
    try:
        _connected(folder, 1.0).close()
    except GONE:
        return False
    except OSError:
        return True
    return True


def _connected(folder: Path, timeout: float) -> socket.socket:
    here = os.open(folder, os.O_PATH)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(timeout)
        sock.connect(f"/proc/self/fd/{here}/{NAME}")  # a socket's own path may have 108 bytes only
    except BaseException:
        sock.close()
        raise
    finally:
        os.close(here)
    return sock


def _line(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(65536):
        parts.append(part)
        if part.endswith(b"\n"):
            break
    return b"".join(parts)
