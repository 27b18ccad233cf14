"""Takes every PostgreSQL session there is, but for `free` ones, and leaves them idle.

`connections.py SECONDS user=USER database=NAME free=COUNT name=APPLICATION`
It goes on taking what others give up, until somebody ends one of its sessions: then it takes no more, as a program
that was told to stop.  It speaks the protocol's first messages by hand, to the server's own door.
"""

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

BATCH = 16  # sessions asked for at once
AGAIN_S = 0.1
ANSWER_S = 5.0
READY = b"Z"


def startup(**words: str) -> bytes:
    """Write the first message of protocol 3.0."""
    body = struct.pack("!i", 3 << 16)
    body += b"".join(f"{key}\0{value}\0".encode() for key, value in words.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def admitted(session: socket.socket) -> bool:
    """Read until the server is ready for a query, or says no; closes the session then."""
    with suppress(OSError, struct.error):
        while (kind := session.recv(1)) not in (b"", b"E"):
            length = struct.unpack("!i", session.recv(4, socket.MSG_WAITALL))[0]
            session.recv(length - 4, socket.MSG_WAITALL)
            if kind == READY:
                return True
    session.close()
    return False


def take(ask: Callable[[], socket.socket], count: int) -> list[socket.socket]:
    """Ask for sessions, all at once; give those that were granted."""
    asked: list[socket.socket] = []
    with suppress(OSError):
        asked.extend(ask() for _ in range(count))
    return [session for session in asked if admitted(session)]


def hold(ask: Callable[[], socket.socket], free: int, ends: float) -> None:
    """Take all sessions, give `free` of them back, keep the others until `ends` or until all were ended."""
    held: list[socket.socket] = []
    full = over = False
    while time.monotonic() < ends:
        if not over and not (full and free):
            count = 1 if full else BATCH
            granted = take(ask, count)
            held += granted
            if not full and len(granted) < count:
                full = True
                for session in held[len(held) - free :]:
                    session.close()
                held = held[: len(held) - free]
        ended = select.select(held, [], [], AGAIN_S if full else 0)[0]  # an idle server only speaks to say goodbye
        over = over or bool(ended)
        for session in ended:
            session.close()
            held.remove(session)
        if over and not held:
            return


def main() -> None:
    """Read the command line, and node.json for the door."""
    options = dict(word.split("=", 1) for word in sys.argv[2:])
    node = json.loads(Path("node.json").read_text())
    host, _, port = node["doors"][node["name"]].rpartition(":")
    words = {"user": options["user"], "database": options["database"], "application_name": options["name"]}

    def ask() -> socket.socket:
        session = socket.create_connection((host, int(port)), timeout=ANSWER_S)
        session.sendall(startup(**words))
        return session

    hold(ask, int(options["free"]), time.monotonic() + float(sys.argv[1]))


if __name__ == "__main__":
    main()
