"""PostgreSQL, from a service that must answer within its deadline whatever the database does.

A write ends in one of three ways: it returns, it raises `NotWritten` (certainly not in the database), or it
raises `NotKnown`.  Connections are kept in a small last-in-first-out pool; when one is found broken, all idle
ones are thrown away, for they lead to the same dead server.

A server that is slow, not dead, needs more connections for the same load.  So several are opened at a time, one that
becomes free goes to whoever waits for one, and a statement that began late does not condemn the others.
"""

import asyncio
import select
from contextlib import suppress
from typing import Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

IDLE_MOST = 16
CONNECT_S = 0.5
ATTEMPTS_MOST = 2  # at a time: a server in trouble is not stormed
AGAIN_S = 0.05  # from the beginning of an attempt that fails to that of the one in its place
ALONE_S = 0.1  # what the server that served last gets before the others are asked, too
PATIENCE_S = 0.3  # a server that leaves a statement without an answer for this long is taken for dead
# the server said goodbye while the statement ran: it may have committed just before
_DOUBTFUL = ("57P", "08")


class NotWritten(Exception):
    """The statement certainly did nothing."""


class NotKnown(Exception):
    """Whether the statement did anything is not known."""


class _Connection(psycopg.AsyncConnection[TupleRow]):
    """Leaves the server alone when it is abandoned: a cancelled wait for the standbys is a commit all the same."""

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ASYNC109  psycopg's signature
        pass


class Database:
    """All access of one process to the database, wherever its primary is."""

    def __init__(self, url: str) -> None:
        known = conninfo_to_dict(url)
        hosts = zip(str(known.pop("host")).split(","), str(known.pop("port")).split(","), strict=True)
        self._ways = [make_conninfo(**cast("Any", known), host=host, port=port) for host, port in hosts]
        self._primary = ""  # the way that led to it last
        self._idle: list[_Connection] = []
        self._attempts: list[asyncio.Future[None]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._background: set[asyncio.Future[Any]] = set()

    async def run(self, sql: str, values: Any = None, *, within: float) -> list[TupleRow]:
        """Run one statement, its own transaction, within so many seconds. NotWritten or NotKnown when it fails.

        Without values it may be a script of several statements.
        """
        doubt = False
        end = asyncio.get_running_loop().time() + within
        for last in (False, True):
            try:
                connection = await self._take(end)
            except (psycopg.Error, OSError, TimeoutError) as error:
                raise _verdict(doubt, f"no primary answers: {_text(error)}") from error
            try:
                return await self._run_on(connection, sql, values, end)
            except _Broken as broken:
                if broken.dead:
                    while self._idle:
                        self._abandon(self._idle.pop())
                doubt = doubt or broken.doubtful
                if last or broken.final:
                    raise _verdict(doubt, str(broken)) from broken
        raise AssertionError

    async def _run_on(self, connection: _Connection, sql: str, values: Any, end: float) -> list[TupleRow]:
        warnings: list[str] = []
        connection.add_notice_handler(remember := _remember(warnings))
        had_s = end - asyncio.get_running_loop().time()
        work = asyncio.ensure_future(_execute(connection, sql, values))
        if not await self._finishes(end, work):
            self._abandon(connection, work)
            raise _Broken("no answer in time", doubtful=True, final=True, dead=had_s > PATIENCE_S)
        try:
            rows = work.result()
        except psycopg.Error as error:
            self._abandon(connection)
            raise _broken(error) from error
        connection.remove_notice_handler(remember)
        if warnings:  # a commit whose wait for a standby was cancelled says "done", with a warning
            self._abandon(connection)
            raise _Broken("; ".join(warnings), doubtful=True, final=True)
        self._give_back(connection)
        return rows

    async def _take(self, end: float) -> _Connection:
        while True:
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed and not _has_word(connection):
                    return connection
                self._abandon(connection)
            attempt, free = self._try(), asyncio.get_running_loop().create_future()
            self._waiting.append(free)
            try:
                if not await self._finishes(end, attempt, free):
                    raise TimeoutError("no answer in time")
            finally:
                if free in self._waiting:
                    self._waiting.remove(free)
            if attempt.done() and not self._idle and (error := attempt.exception()) is not None:
                raise error

    def _try(self) -> asyncio.Future[None]:
        """Open one more connection, or join the youngest attempt when there are enough."""
        self._attempts = [attempt for attempt in self._attempts if not attempt.done()]
        if len(self._attempts) < ATTEMPTS_MOST:
            attempt = asyncio.ensure_future(self._connect())
            attempt.add_done_callback(asyncio.Future.exception)  # looked at, also when nobody waits any more
            self._attempts.append(attempt)
        return self._attempts[-1]

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            self._put(await self._first(began + CONNECT_S))
        except TimeoutError:
            await asyncio.sleep(max(0.0, began + AGAIN_S - loop.time()))
            raise

    async def _first(self, end: float) -> _Connection:
        """Try the server that served last, and all others at once when it fails or hangs."""
        tries: dict[asyncio.Future[_Connection], str] = {}
        for way in sorted(self._ways, key=lambda way: way != self._primary):
            tries[asyncio.ensure_future(_reach(way, next(iter(tries), None) if self._primary else None))] = way
        pending, errors = set(tries), []
        while pending:
            left = end - asyncio.get_running_loop().time()
            done, pending = await asyncio.wait(pending, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
            if not done:
                break
            for one in done:
                if one.exception() is None:
                    self._primary = tries.pop(one)
                    self._drop_tries(set(tries))
                    return one.result()
                errors.append(one.exception())
        self._drop_tries(pending)
        raise TimeoutError("; ".join(map(_text, errors)) or "no answer in time")

    def _drop_tries(self, tries: set[asyncio.Future[_Connection]]) -> None:
        for one in tries:
            if one.done() and one.exception() is None:
                self._abandon(one.result())
            elif not one.done():
                one.cancel()
                self._keep(asyncio.gather(one, return_exceptions=True))

    async def _finishes(self, end: float, *work: asyncio.Future[Any]) -> bool:
        left = end - asyncio.get_running_loop().time()
        done, _ = await asyncio.wait(work, timeout=max(0.0, left), return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    def _give_back(self, connection: _Connection) -> None:
        if len(self._idle) < IDLE_MOST:
            self._put(connection)
        else:
            self._abandon(connection)

    def _put(self, connection: _Connection) -> None:
        self._idle.append(connection)
        if self._waiting:
            self._waiting.pop().set_result(None)  # the newest: it has the most time left

    def _abandon(self, connection: _Connection, work: asyncio.Future[Any] | None = None) -> None:
        """Close a connection in the background; nobody waits for a server that may hang."""
        self._keep(asyncio.ensure_future(_bury(connection, work)))

    def _keep(self, task: asyncio.Future[Any]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _reach(way: str, first: asyncio.Future[_Connection] | None) -> _Connection:
    """Connect, after the first one has had its chance."""
    if first:
        await asyncio.wait({first}, timeout=ALONE_S)
        if first.done() and first.exception() is None:
            raise TimeoutError("nobody has to be asked")
    return await _Connection.connect(way, autocommit=True)


class _Broken(Exception):
    def __init__(self, text: str, *, doubtful: bool, final: bool, dead: bool = True) -> None:
        super().__init__(text)
        self.doubtful = doubtful
        self.final = final
        self.dead = dead  # the other connections lead to the same server


def _broken(error: psycopg.Error) -> _Broken:
    state = error.sqlstate or ""
    doubtful = not state or state.startswith(_DOUBTFUL)
    # a server that was demoted refuses writes: the new primary takes them
    return _Broken(_text(error), doubtful=doubtful, final=bool(state) and not doubtful and state != "25006")


def _verdict(doubt: bool, text: str) -> Exception:
    return NotKnown(text) if doubt else NotWritten(text)


def _text(error: BaseException | None) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _remember(warnings: list[str]) -> Any:
    def handler(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warnings.append(notice.message_primary or "a warning")

    return handler


async def _execute(connection: _Connection, sql: str, values: Any) -> list[TupleRow]:
    cursor = await connection.execute(sql, values)
    return await cursor.fetchall() if cursor.description else []


def _has_word(connection: _Connection) -> bool:
    """Say whether an idle server has spoken: it does so only to say goodbye. Nothing has been sent yet."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLRDHUP)
    return bool(poll.poll(0))


async def _bury(connection: _Connection, work: asyncio.Future[Any] | None) -> None:
    if work is not None:
        work.cancel()
        await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # looked at, so that asyncio does not report it
    with suppress(psycopg.Error, OSError):
        await connection.close()
