"""An HTTP service that fails on command, and stamps to the nanosecond when it did: what the client is held against.

`GET` of any path is a cheap read; `POST /orders` and `GET /orders?ledger=` work as the lab's do.  `mode` decides what
becomes of a request at the instant at which it has arrived whole:

    up                     it is served
    refuse                 nobody listens; who got in before is reset
    reset, hang            the connection is reset; it is held, and never answered
    stall, cut             half an answer and then nothing; half an answer and then the end
    slow:S                 it is answered as ever, S seconds later
    freeze                 it is held, and answered as ever once another mode begins (a process stopped and continued)
    commit-hang, -reset    an order is stored, but never confirmed
    lose                   an order is confirmed, but not stored
    503, 500 ...           it is answered with that status
"""

import asyncio
import contextlib
import json
import random
import socket
import struct
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.kit.store import Store

BACKLOG = 512


class Service:
    """Serves on `port` once `open` was called; everything runs in the event loop's thread."""

    def __init__(self) -> None:
        self.mode = "up"
        self.store = Store()
        self.port = 0
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._doors: set[Door] = set()

    async def open(self) -> None:
        """Begin to serve, on a port that it keeps for good."""
        self.port = self.port or free_port()
        await self._accept(_listening(self.port))

    async def _accept(self, listening: socket.socket) -> None:
        self._server = await self._loop.create_server(lambda: Door(self), sock=listening, backlog=BACKLOG)

    async def enter(self, mode: str) -> int:
        """Begin a mode; returns the moment (ns, monotonic) from which it holds for whoever calls."""
        if mode == "refuse" and self._server:
            self._server.close()
            self._server, self.mode = None, mode
            return time.monotonic_ns()
        if mode == "refuse" or self._server:
            before, self.mode = self.mode, mode
            at_ns = time.monotonic_ns()
            if before == "freeze":
                self._thaw()
            return at_ns
        listening, self.mode = _listening(self.port), mode
        at_ns = time.monotonic_ns()  # from here on the kernel takes connections, and they are served
        await self._accept(listening)
        return at_ns

    def _thaw(self) -> None:
        for door in list(self._doors):
            door.thaw()

    def close(self) -> None:
        """Stop serving; whoever is connected is cut off."""
        if self._server:
            self._server.close()
            self._server = None
        for door in list(self._doors):
            door.end()

    def entered(self, door: "Door") -> None:
        """Note a connection."""
        self._doors.add(door)

    def left(self, door: "Door") -> None:
        """Forget a connection."""
        self._doors.discard(door)

    def handle(self, method: str, target: str, body: bytes, mode: str) -> tuple[int, Any]:
        """Do what is asked: status and JSON body."""
        parts = urlsplit(target)
        if parts.path != "/orders":
            return 200, {"path": target}
        if method == "GET":
            return 200, {"seqs": self.store.seqs(parse_qs(parts.query)["ledger"][0])}
        order = json.loads(body)
        self.store.take(order["ledger"], order["seq"], confirmed=not mode.startswith("commit-"), kept=mode != "lose")
        return 201, {"id": order["seq"], "queued": True}


class Door(asyncio.Protocol):
    """One connection: one request."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._transport: asyncio.Transport
        self._read = bytearray()
        self._held: tuple[str, str, bytes] | None = None
        self._later: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the caller in."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._service.entered(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget a caller who has gone."""
        if self._later:
            self._later.cancel()
        self._held = None
        self._service.left(self)

    def data_received(self, data: bytes) -> None:
        """Answer a request that is whole."""
        self._read += data
        head, end, rest = bytes(self._read).partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
        if len(rest) >= length:
            method, target, _ = lines[0].split(" ", 2)
            self._answer(self._service.mode, (method, target, rest))

    def _answer(self, mode: str, request: tuple[str, str, bytes]) -> None:
        if mode in {"reset", "refuse"}:
            self._reset()
        elif mode.isdigit():
            self._send(int(mode), {"error": "scripted"})
        elif mode in {"stall", "cut"}:
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
            if mode == "cut":
                self._transport.close()
        elif mode == "freeze":
            self._held = request
        elif mode.startswith("slow:"):
            self._later = asyncio.get_running_loop().call_later(float(mode[5:]), self._serve, request, "up")
        elif mode != "hang":
            self._serve(request, mode)

    def _serve(self, request: tuple[str, str, bytes], mode: str) -> None:
        status, body = self._service.handle(*request, mode)
        if mode == "commit-reset":
            self._reset()
        elif mode != "commit-hang":
            self._send(status, body)

    def thaw(self) -> None:
        """Answer what was held."""
        request, self._held = self._held, None
        if request:
            self._serve(request, "up")

    def _send(self, status: int, body: Any) -> None:
        payload = json.dumps(body).encode()
        self._transport.write(
            f"HTTP/1.1 {status} Scripted\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload
        )
        self._transport.close()

    def _reset(self) -> None:
        kernel = self._transport.get_extra_info("socket")
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end()

    def end(self) -> None:
        """Cut the connection off."""
        self._transport.abort()


def _listening(port: int) -> socket.socket:
    """Listen before the event loop knows of it: whoever connects from now on waits in the kernel, and is served."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    made.listen(BACKLOG)
    made.settimeout(0)
    return made


def free_port() -> int:
    """Find a port below the ephemeral range: a client that knocks at a closed one there could reach itself."""
    while True:
        port = random.randint(20000, 30000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
