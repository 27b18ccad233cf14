"""An HTTP service whose outages and losses are known to the nanosecond: what the client is calibrated against.

It runs in a thread of the test's process, on the clock the client uses.  `GET /` is a cheap read; orders work as the
lab's do.  `mode` says what happens to a request that arrives; `lose` forgets orders that were confirmed.
"""

import asyncio
import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

HANGS = 30.0  # longer than any test waits


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Began between the first two stamps, ended between the last two (ns, monotonic)."""

    mode: str
    before_ns: int
    began_ns: int
    ending_ns: int
    ended_ns: int


class Service:
    """Serves from the moment it is made until `close`."""

    def __init__(self) -> None:
        self.mode = "up"
        self.port = free_port()
        self.orders: dict[str, list[int]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._do(self._open())

    @property
    def url(self) -> str:
        """Give the root URL."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def outage(self, mode: str) -> Iterator[list[Outage]]:
        """Keep a mode in force; the list holds the Outage afterwards.

        "refuse", "reset", "hang", "stall" (half an answer, then nothing), "cut" (half an answer, then the end),
        "commit-hang" and "commit-reset" (an order is stored, but never confirmed), or a status such as "500".
        """
        found: list[Outage] = []
        before_ns = time.monotonic_ns()
        self._do(self._enter(mode))
        began_ns = time.monotonic_ns()
        try:
            yield found
        finally:
            ending_ns = time.monotonic_ns()
            self._do(self._enter("up"))
            stamps = {"before_ns": before_ns, "began_ns": began_ns, "ending_ns": ending_ns}
            found.append(Outage(mode=mode, **stamps, ended_ns=time.monotonic_ns()))

    def lose(self, ledger: str, *seqs: int) -> None:
        """Forget orders."""
        self._do(self._forget(ledger, seqs))

    def close(self) -> None:
        """Stop serving."""
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, backlog=512)

    async def _shut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for _ in range(5):  # a connection that was just accepted takes some turns until it is a task, and is closed
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0)

    async def _enter(self, mode: str) -> None:
        self.mode = mode
        if mode == "refuse" and self._server:
            self._server.close()
            self._server = None
        elif mode != "refuse" and self._server is None:
            await self._open()

    async def _forget(self, ledger: str, seqs: tuple[int, ...]) -> None:
        self.orders[ledger] = [seq for seq in self.orders[ledger] if seq not in seqs]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            request = await _receive(reader)
            await self._answer(self.mode, request, writer)
        writer.transport.abort()

    async def _answer(self, mode: str, request: tuple[str, str, bytes], writer: asyncio.StreamWriter) -> None:
        if mode in {"reset", "refuse"}:  # whoever connected before the door closed
            _reset(writer)
        elif mode == "hang":
            await asyncio.sleep(HANGS)
        elif mode.isdigit():
            await _send(writer, int(mode), {"error": "scripted"})
        elif mode in {"stall", "cut"}:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it")
            await writer.drain()
            await asyncio.sleep(HANGS if mode == "stall" else 0)
        else:
            status, body = self._handle(*request)
            if mode == "commit-hang":
                await asyncio.sleep(HANGS)
            elif mode == "commit-reset":
                _reset(writer)
            else:
                await _send(writer, status, body)

    def _handle(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        if parts.path != "/orders":
            return 200, {"path": target}
        if method == "GET":
            return 200, {"seqs": sorted(self.orders.get(parse_qs(parts.query)["ledger"][0], []))}
        order = json.loads(body)
        self.orders.setdefault(order["ledger"], []).append(order["seq"])
        return 201, {"id": order["seq"], "queued": True}


def free_port() -> int:
    """Find a port below the ephemeral range: a client that knocks at a closed one there could reach itself."""
    while True:
        port = random.randint(20000, 30000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def _receive(reader: asyncio.StreamReader) -> tuple[str, str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.split(" ", 2)
    length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
    return method, target, await reader.readexactly(length)


async def _send(writer: asyncio.StreamWriter, status: int, body: Any) -> None:
    payload = json.dumps(body).encode()
    writer.write(f"HTTP/1.1 {status} Scripted\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
