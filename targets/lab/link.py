"""One caller's connection through a door, and its continuation to a server."""

import asyncio
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from targets.lab.links import Door

PASS, DROP, REJECT = "pass", "drop", "reject"
_HIGH_WATER = 1 << 18


class _End(asyncio.Protocol):
    """One of a link's two sockets: hands on what it reads, stops reading when the other side is full."""

    def __init__(self, link: "Link") -> None:
        self.link = link
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None
        self.finished = False  # has sent its end of file
        self.blocked = True  # the other end cannot take more just now

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what asyncio promises for streams
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        # paused until the other end is there; a turn later, for Python 3.11.2 begins to read right after this call
        asyncio.get_running_loop().call_soon(self.regulate)
        self.link.made(self)

    def regulate(self) -> None:
        transport = self.transport
        if transport is None or transport.is_closing() or self.finished:
            return
        wanted = not (self.blocked or self.link.held)
        if wanted and not transport.is_reading():
            transport.resume_reading()
        elif not wanted and transport.is_reading():
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.finished = True
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.write_eof()
            if self.other.finished:
                self.link.close()
        return True  # half-closed: the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.lost(reset=exc is not None)

    def pause_writing(self) -> None:
        if self.other:
            self.other.blocked = True
            self.other.regulate()

    def resume_writing(self) -> None:
        if self.other:
            self.other.blocked = False
            self.other.regulate()

    def reset(self) -> None:
        if self.transport and not self.transport.is_closing():
            raw = self.transport.get_extra_info("socket")
            with suppress(OSError):  # a Unix socket has no reset; its peer sees the end
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class Link:
    """One caller's connection through a door, and its continuation to a server."""

    def __init__(self, door: "Door", peer: str | None = None) -> None:
        self.door = door
        self.caller = _End(self)
        self.server = _End(self)
        self.backend = ""  # the node it leads to; empty while it is being chosen
        self.pair = (0, 0)  # client port, door port
        self.peer = peer  # the caller's node; looked up when a rule asks for it and it is not known
        self.held = False
        self.changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def made(self, end: _End) -> None:
        """Begin when the caller's end is there."""
        if end is not self.caller or end.transport is None:
            return
        end.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pair = (end.transport.get_extra_info("peername")[1], self.door.port)
        self.door.open.add(self)
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        for backend in self.door.candidates():
            self.backend = backend
            if await self._passes() and await self._dial():
                self._join()
                return
            if not self._is_open():
                return
        self.reset()

    async def _passes(self) -> bool:
        """Wait while the link is held; False when it is to go elsewhere, because this way resets."""
        while (mode := self.door.links.mode(self)) == DROP and self._is_open():
            self.changed.clear()
            await self._held_back()
        return mode == PASS and self._is_open()

    async def _held_back(self) -> None:
        """Wait for the rules to change; forget a caller that gives up meanwhile, and with it what it sent.

        Over a real network the handshake never took place, so nothing would be delivered late.
        """
        raw = cast("asyncio.Transport", self.caller.transport).get_extra_info("socket")
        self.door.links.hangups.watch(raw, self.reset)
        try:
            await self.changed.wait()
        finally:
            self.door.links.hangups.forget(raw)

    def _is_open(self) -> bool:
        return self.caller.transport is not None and not self.caller.transport.is_closing()

    async def _dial(self) -> bool:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: self.server, self.door.backends[self.backend])
        except OSError:
            return False
        return True

    def _join(self) -> None:
        self.caller.other, self.server.other = self.server, self.caller
        self.caller.blocked = self.server.blocked = False
        if not self._is_open():
            self.reset()
        else:
            self.apply(self.door.links.mode(self))

    def apply(self, mode: str) -> None:
        """Put a verdict in force on this link."""
        self.changed.set()
        if self._task and not self._task.done() and self.caller.other is None:
            return  # it is still connecting and looks for itself
        if mode == REJECT:
            self.reset()
            return
        self.held = mode == DROP
        self.caller.regulate()
        self.server.regulate()

    def lost(self, *, reset: bool) -> None:
        """Pass on that one end is gone, in the way it went."""
        if reset:
            self.reset()
        else:
            self.close()
        self.door.open.discard(self)

    def close(self) -> None:
        """End both connections properly."""
        for end in (self.caller, self.server):
            if end.transport and not end.transport.is_closing():
                end.transport.close()  # what is still buffered is sent first

    def reset(self) -> None:
        """Break both connections."""
        self.changed.set()
        self.caller.reset()
        self.server.reset()
