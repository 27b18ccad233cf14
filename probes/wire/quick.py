"""The same request without a task, where that is enough: plain HTTP to a literal address.

One core watches four times as many endpoints this way.  Connections wait in an epoll of their own, since asyncio's
bookkeeping for a file descriptor costs more than connecting it.  What the first bytes do not settle at once (an answer
in pieces or in chunks, an odd one) is read to its end by `wire.http`, which decides.
"""

import asyncio
import errno
import ipaddress
import select
import socket
import weakref
from collections.abc import Callable

from probes.attempt import Attempt, NoAnswer
from probes.wire import http
from probes.wire.http import Answer, Call

Landed = Callable[[Answer | BaseException], None]
UNDER_WAY = {0, errno.EINPROGRESS}
STARTS = (b"HTTP/1.1 ", b"HTTP/1.0 ")


def able(call: Call) -> bool:
    """Tell whether a call can go this way."""
    try:
        ipaddress.ip_address(call.host)
    except ValueError:
        return False  # a name is looked up anew for each request: a failover may move it
    return not call.tls


class Reactor:
    """Waits for the connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._flights: dict[int, Flight] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def wait(self, number: int, flight: "Flight", events: int) -> None:
        """Tell a flight when something happens at its descriptor."""
        known = number in self._flights
        self._flights[number] = flight
        (self._epoll.modify if known else self._epoll.register)(number, events)

    def forget(self, number: int) -> None:
        """Stop waiting for a descriptor that is about to be closed, which takes it out of the epoll."""
        self._flights.pop(number, None)

    def release(self, number: int) -> None:
        """Stop waiting for a descriptor that somebody else goes on with."""
        del self._flights[number]
        self._epoll.unregister(number)

    def _ready(self) -> None:
        flights = self._flights
        for number, _ in self._epoll.poll(0):
            flight = flights.get(number)
            if flight is not None:
                flight.step()


_reactors: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Reactor]" = weakref.WeakKeyDictionary()


def reactor() -> Reactor:
    """Give the running loop's reactor."""
    loop = asyncio.get_running_loop()
    found = _reactors.get(loop)
    if found is None:
        found = _reactors[loop] = Reactor(loop)
    return found


class Flight:
    """One request under way. `landed` is called once: with the answer, or with what went wrong."""

    __slots__ = ("_attempt", "_call", "_landed", "_reactor", "_rest", "_socket", "_task", "over")

    def __init__(self, call: Call, attempt: Attempt, landed: Landed) -> None:
        self._call, self._attempt, self._landed = call, attempt, landed
        self._reactor = reactor()
        self._rest = call.message
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self.over = False
        try:
            self._connect()
        except OSError as error:  # too many open files, say
            self._end(error)

    def _connect(self) -> None:
        family = socket.AF_INET6 if ":" in self._call.host else socket.AF_INET
        made = self._socket = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        code = made.connect_ex((self._call.host, self._call.port))
        if code in UNDER_WAY:
            self._send()
        else:
            self._end(self._refused(code))

    def _refused(self, code: int) -> OSError:
        return OSError(code, f"Connect call failed {(self._call.host, self._call.port)}")

    def _send(self) -> None:
        """Send what is left. On this machine the connection already stands; elsewhere it takes a while."""
        assert self._socket  # noqa: S101  for mypy
        try:
            sent = self._socket.send(self._rest)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._end(error if self._attempt.sent else self._refused(error.errno or errno.EIO))
            return
        self._attempt.sent = self._attempt.sent or sent > 0
        self._rest = self._rest[sent:]
        self._reactor.wait(self._socket.fileno(), self, select.EPOLLOUT if self._rest else select.EPOLLIN)

    def step(self) -> None:
        """Go on: the connection stands, or failed; there is something to read, or the end."""
        if self._rest:
            assert self._socket  # noqa: S101
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code and not self._attempt.sent:
                self._end(self._refused(code))
            else:
                self._send()
            return
        self._receive()

    def _receive(self) -> None:
        assert self._socket  # noqa: S101
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(error)
            return
        answer = simple(data, self._call.method)
        if answer is not None:
            self._end(answer)
        else:
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        made, self._socket = self._socket, None
        assert made  # noqa: S101
        self._reactor.release(made.fileno())
        self._task = asyncio.get_running_loop().create_task(self._carefully(made, data))

    async def _carefully(self, made: socket.socket, data: bytes) -> None:
        try:
            self._end(await http.go_on(made, data, self._call.method))
        except (NoAnswer, OSError, EOFError) as error:
            self._end(error)
        finally:
            made.close()  # if it was cancelled before anybody took it

    def give_up(self) -> None:
        """End it: its time is over."""
        if self._task:
            self._task.cancel()
        self._end(TimeoutError())

    def _end(self, came: Answer | BaseException) -> None:
        if self.over:
            return
        self.over = True
        if self._socket:
            self._reactor.forget(self._socket.fileno())
            self._socket.close()
        self._landed(came)


def simple(data: bytes, method: str) -> Answer | None:
    """Read an answer that is here as a whole and says its length; None for any other."""
    head, end, body = data.partition(b"\r\n\r\n")
    status = head[9:12]
    if not end or not head.startswith(STARTS) or not status.isdigit() or head[12:13] not in b" \r":
        return None
    if method == "HEAD" or status < b"200" or status in {b"204", b"304"}:
        return None
    fields = head.lower()
    _, found, rest = fields.partition(b"\r\ncontent-length:")
    length = rest.partition(b"\r\n")[0].strip()
    if not found or b"\r\ncontent-length" in rest or b"transfer-encoding" in fields or not length.isdigit():
        return None
    size = int(length)
    return Answer(int(status), body[:size]) if len(body) >= size else None
