"""One caller's connection through a door, and its continuation to a server."""

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from targets.lab.answers import Answerer
from targets.lab.end import FINISH, End, break_when_closed
from targets.lab.peers import OUTSIDE
from targets.lab.verdict import DISCARD, ERRORS, PASSES, REJECT, Verdict

if TYPE_CHECKING:
    from targets.lab.links import Door

DIAL_S = 0.5  # a host that is gone answers nothing at all, not even with a refusal


class Link:
    """One caller's connection through a door, and its continuation to a server."""

    def __init__(self, door: "Door", peer: str | None = None) -> None:
        self.door = door
        self.caller = End(self, asks=True)
        self.server = End(self, asks=False)
        self.backend = ""  # the node it leads to; empty while it is being chosen
        self.pair = (0, 0)  # client port, door port
        self.peer = peer  # the caller's node; looked up when a rule asks for it and it is not known
        self.verdict = PASSES
        self.asked = False  # the server got something since it last spoke
        self.changed = asyncio.Event()
        self._answerer: Answerer | None = None  # reads a request in the server's place
        self._silent: list[socket.socket] = []  # of a link whose traffic was thrown away
        self._task: asyncio.Task[None] | None = None

    def made(self, end: End) -> None:
        """Begin when the caller's end is there."""
        if end is not self.caller or end.transport is None:
            return
        end.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address, port = end.transport.get_extra_info("peername")
        self.pair = (port, self.door.port)
        if self.door.links.callers:
            self.peer = self.door.links.callers.get(address, OUTSIDE)
        self.door.open.add(self)
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        for backend in self.door.candidates():
            self.backend = backend
            if await self._passes() and (await self._dial() or self.answers):
                self._join()
                return
            if not self.caller.open:
                return
        self.reset()

    async def _passes(self) -> bool:
        """Wait while the link is silent, or its handshake delayed; False when it is to go elsewhere: this way resets.

        A caller is connected to the door at once; it is what it sends first that has to wait for the handshake.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self.caller.open:
            self.verdict = self.door.links.verdict(self)
            left = began + self.verdict.there.seconds + self.verdict.back.seconds - loop.time()
            if self.verdict.silent:
                await self._held_back()
            elif left > 0:
                await self._change(within=left)
            else:
                return self.verdict.mode != REJECT
        return False

    async def _held_back(self) -> None:
        """Wait for the rules to change; forget a caller that gives up meanwhile, and with it what it sent.

        Over a real network the handshake never took place, so nothing would be delivered late.
        """
        raw = cast("asyncio.Transport", self.caller.transport).get_extra_info("socket")
        self.door.links.hangups.watch(raw, self.reset)
        try:
            await self._change(within=None)
        finally:
            self.door.links.hangups.forget(raw)

    async def _change(self, *, within: float | None) -> None:
        self.changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.changed.wait()

    async def _dial(self) -> bool:
        backend = self.door.backends.get(self.backend, "")  # it may be gone meanwhile
        host, _, port = backend.rpartition(":")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(DIAL_S):
                if host:
                    await loop.create_connection(lambda: self.server, host, int(port))
                else:
                    await loop.create_unix_connection(lambda: self.server, backend)
        except OSError:  # TimeoutError is one
            return False
        return True

    def _join(self) -> None:
        self.caller.other, self.server.other = self.server, self.caller
        self.caller.blocked = self.server.blocked = False
        if not self.caller.open:
            self.reset()
        else:
            self.apply(self.door.links.verdict(self))

    @property
    def answers(self) -> bool:
        """Tell whether requests are answered here, in the server's place."""
        return self._answerer is not None or self.verdict.mode == ERRORS

    def apply(self, verdict: Verdict) -> None:
        """Put a verdict in force on this link."""
        self.verdict = verdict
        self.changed.set()
        connecting = self._task and not self._task.done() and self.caller.other is None
        if connecting:
            return  # it looks for itself
        if self._silent:
            if verdict.mode != DISCARD:
                self.reset()  # bytes are missing in it
        elif verdict.mode == DISCARD:
            self._silent = [sock for end in (self.caller, self.server) if (sock := end.bury())]
        elif verdict.mode == REJECT or not (self.answers or self.server.transport):
            self.reset()
        else:
            self.caller.way, self.server.way = verdict.there, verdict.back
            self.caller.release()
            self.server.release()

    def takes(self, data: bytes) -> bool:
        """Read what the caller sends in the server's place, as far as it is to be answered with an error.

        A request that had begun when the rule came is still the server's: it is over when the server has spoken.
        """
        if self._answerer is None and (self.verdict.mode != ERRORS or self.asked):
            self.asked = True
            return False
        if self._answerer is None:
            self._answerer = Answerer(self.verdict.status)
            if self.server.transport:
                self.server.transport.close()
        if reply := self._answerer.feed(data):
            self.server.pass_on(reply)
            self.server.pass_on(FINISH)
        return True

    def finish(self, end: End) -> None:
        """Tell the other side that this one has sent its last byte; both have: the link is over."""
        other = end.other
        if other and other.open:
            assert other.transport  # noqa: S101  it is open
            other.transport.write_eof()
        if other and other.told:
            self.close()

    def lost(self) -> None:
        """Forget the link when both of its connections are over."""
        if not self._silent and all(end.gone or end.transport is None for end in (self.caller, self.server)):
            self.caller.forget()
            self.server.forget()
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
        silent, self._silent = self._silent, []
        for sock in silent:
            break_when_closed(sock)
            sock.close()
        self.lost()
