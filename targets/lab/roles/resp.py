"""A word with a Redis server or a sentinel, in its own protocol. Standard library only."""

import socket
from io import BufferedReader
from typing import Any

TIMEOUT_S = 0.5


def ask(door: str, *words: str) -> Any:
    """Send one command to HOST:PORT or to the Unix socket of that name; its answer as str, int, list or None.

    None as well when nobody answers, or with an error.
    """
    request = f"*{len(words)}\r\n" + "".join(f"${len(w.encode())}\r\n{w}\r\n" for w in words)
    try:
        with _connect(door) as sock, sock.makefile("rb") as file:
            sock.sendall(request.encode())
            return _read(file)
    except (OSError, ValueError):
        return None


def _connect(door: str) -> socket.socket:
    host, _, port = door.rpartition(":")
    if host:
        return socket.create_connection((host, int(port)), timeout=TIMEOUT_S)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(TIMEOUT_S)
    try:
        sock.connect(door)
    except OSError:
        sock.close()
        raise
    return sock


def _read(file: BufferedReader) -> Any:
    line = file.readline().decode().strip()
    kind, rest = line[:1], line[1:]
    if kind == "*":
        return [_read(file) for _ in range(int(rest))] if int(rest) >= 0 else None
    if kind == "$":
        return file.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
    if kind == ":":
        return int(rest)
    if kind != "+":
        raise ValueError(line or "the connection ended")
    return rest
