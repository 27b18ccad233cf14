"""Connections that are kept between requests, and asking several servers without waiting for a silent one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from probes.attempt import NoAnswer, Refusal, one_line

T = TypeVar("T")

KEPT = 8  # idle connections; more were only needed while answers were slow
STAGGER_S = 0.1  # a server that is silent for this long is joined by the next one in the list


class Pool(Generic[T]):
    """Idle connections, newest first. One failure throws all of them away: the next request finds its own way.

    At most about `limit` are in use at once, for servers to whom each is dear; the newest request is served first
    then: it has the most time left, and the old ones must not starve it into an outage of the client's own making.
    """

    def __init__(self, connect: Callable[[], Awaitable[T]], close: Callable[[T], None], limit: int = 1000) -> None:
        self._connect, self._close, self._limit = connect, close, limit
        self._idle: list[T] = []
        self._used = 0  # connections that are being made do not count: a door that hangs must not use up the limit
        self._queue: list[asyncio.Future[None]] = []
        self._generation = 0

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[T]:
        """Lend a connection; closed if the body raises or is cancelled, kept otherwise."""
        await self._turn()
        generation = self._generation
        connection = self._idle.pop() if self._idle else await self._connect()
        self._used += 1
        try:
            yield connection
        except BaseException:
            self._close(connection)
            self.flush()
            raise
        finally:
            self._used -= 1
            self._wake()
        if generation == self._generation and len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            self._close(connection)

    async def _turn(self) -> None:
        while self._used >= self._limit:
            turn = asyncio.get_running_loop().create_future()
            self._queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn in self._queue:
                    self._queue.remove(turn)
                else:
                    self._wake()  # it was this one's turn: pass it on
                raise

    def _wake(self) -> None:
        if self._queue:
            turn = self._queue.pop()
            if not turn.done():
                turn.set_result(None)

    def flush(self) -> None:
        """Forget every connection made until now: whoever broke one may have moved away from all."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)


async def first(attempts: Sequence[Callable[[], Awaitable[T]]], close: Callable[[T], None]) -> T:
    """Take the first success, trying in the given order; a silent server delays the next by STAGGER_S only.

    Drivers try one address after the other and wait out each one's connect timeout; a client that did so would
    measure its own patience. NoAnswer names what every server said when none succeeds.
    """
    waiting = list(attempts)
    running: list[asyncio.Future[T]] = []
    errors: list[str] = []
    try:
        while waiting or running:
            if waiting:
                running.append(asyncio.ensure_future(waiting.pop(0)()))
            await asyncio.wait(running, timeout=STAGGER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                running.remove(task)
                error = task.exception()
                if error is None:
                    return task.result()
                if not isinstance(error, (NoAnswer, Refusal, OSError, EOFError)):
                    raise error
                errors.append(one_line(error))
    finally:
        for task in running:
            _dismiss(task, close)
    raise NoAnswer("; ".join(errors) or "no server to ask")


def _dismiss(task: asyncio.Future[T], close: Callable[[T], None]) -> None:
    def late(task: asyncio.Future[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            close(task.result())

    task.cancel()
    task.add_done_callback(late)
