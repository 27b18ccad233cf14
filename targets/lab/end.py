"""One of a link's two sockets: hands on what it reads, at once or when its time has come."""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from targets.lab.verdict import Way

if TYPE_CHECKING:
    from targets.lab.link import Link

_HIGH_WATER = 1 << 18
_WINDOW = 1 << 24  # bytes under way in a delay; more than a TCP window would not be sent either
_RESET = struct.pack("ii", 1, 0)
_INTERIM = b"HTTP/1.1 1"  # "100 Continue": the body of the question is still to come
FINISH, BREAK = object(), object()  # the ends of a connection are in the queue with its bytes, so they keep the order


class End(asyncio.Protocol):
    """Hands what it reads to the other end; stops reading when that is full, or when the way there is cut."""

    def __init__(self, link: "Link", *, asks: bool) -> None:
        self.link = link
        self.asks = asks  # the caller's end: what it sends is a question
        self.other: End | None = None
        self.transport: asyncio.Transport | None = None
        self.gone = False  # its connection is over
        self.finished = False  # its peer has sent its end of file
        self.told = False  # the other side's peer knows that
        self.blocked = True  # the other end cannot take more just now
        self.way = Way()
        self.straight = False  # nothing waits and no rule applies: what comes is written on at once
        self._waiting: deque[tuple[float, object]] = deque()  # when it came, and bytes or one of the above
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, read nothing yet."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what asyncio promises for streams
        self.transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        # paused until the other end is there; a turn later, for Python 3.11.2 begins to read right after this call
        asyncio.get_running_loop().call_soon(self.regulate)
        self.link.made(self)

    @property
    def open(self) -> bool:
        """Tell whether something can be written to it."""
        return self.transport is not None and not self.transport.is_closing()

    def regulate(self) -> None:
        """Read, or leave what comes with the sender."""
        transport = self.transport
        if transport is None or transport.is_closing() or self.finished:
            return
        wanted = not (self.blocked or self.way.held or self._size >= _WINDOW)
        if wanted and not transport.is_reading():
            transport.resume_reading()
        elif not wanted and transport.is_reading():
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Hand on what the peer sent."""
        if not self.asks and not data.startswith(_INTERIM):
            self.link.asked = False
        if self.straight and self.other and self.other.transport:
            self.link.asked = self.asks
            self.other.transport.write(data)
        else:
            self.pass_on(data)

    def eof_received(self) -> bool:
        """Hand on that the peer sends no more."""
        self.finished = True
        self.pass_on(FINISH)
        return True  # half-closed: the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on that the peer broke the connection."""
        self.gone = True
        if exc is not None:  # else it was closed from here
            self.pass_on(BREAK)
        self.link.lost()

    def pass_on(self, item: object) -> None:
        """Send something on its way to the other end: bytes, or the end of the connection."""
        self._waiting.append((asyncio.get_running_loop().time(), item))
        self._size += len(item) if isinstance(item, bytes) else 0
        if len(self._waiting) == 1:
            self.release()
        elif self._size >= _WINDOW:
            self.regulate()

    def release(self) -> None:
        """Deliver in order what has been under way for long enough; come again for the rest."""
        self._forget_timer()
        loop = asyncio.get_running_loop()
        while self._waiting and not self.way.held:
            due = self._waiting[0][0] + self.way.seconds
            if due > loop.time():
                self._timer = loop.call_at(due, self.release)
                break
            item = self._waiting.popleft()[1]
            self._size -= len(item) if isinstance(item, bytes) else 0
            self._deliver(item)
        self.straight = self.way == Way() and not self._waiting and not self.link.answers
        self.regulate()

    def _deliver(self, item: object) -> None:
        if item is BREAK:
            self.link.reset()
        elif item is FINISH:
            self.told = True
            self.link.finish(self)
        elif isinstance(item, bytes) and not (self.asks and self.link.takes(item)) and self.other and self.other.open:
            assert self.other.transport  # noqa: S101  it is open
            self.other.transport.write(item)

    def pause_writing(self) -> None:
        """Let the other end read no more."""
        if self.other:
            self.other.blocked = True
            self.other.regulate()

    def resume_writing(self) -> None:
        """Let the other end read again."""
        if self.other:
            self.other.blocked = False
            self.other.regulate()

    def forget(self) -> None:
        """Throw away what is under way."""
        self._forget_timer()
        self._waiting.clear()
        self._size = 0

    def _forget_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def bury(self) -> socket.socket | None:
        """Throw away what is under way from here and what is still to be written; the socket, which says nothing."""
        self.forget()
        if self.transport is None or self.transport.is_closing():
            return None
        silent: socket.socket = self.transport.get_extra_info(
            "socket"
        ).dup()  # while it is open its peer is told nothing
        self.transport.abort()
        return silent

    def reset(self) -> None:
        """Break the connection."""
        self.forget()
        if self.transport and not self.transport.is_closing():
            break_when_closed(self.transport.get_extra_info("socket"))
            self.transport.abort()


def break_when_closed(sock: socket.socket) -> None:
    """Let the peer see a reset, not an end of file."""
    with suppress(OSError):  # a Unix socket has no reset; its peer sees the end
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
