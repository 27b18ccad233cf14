"""Statements to PostgreSQL through psycopg, cancellable at any moment, and the way to the primary."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from probes.attempt import NoAnswer, Refusal, one_line
from probes.pool import first
from probes.public import public

logging.getLogger("psycopg").setLevel(logging.ERROR)  # it tells of every cancellation

ASK_S = 2.0  # what each server gets to say whether it is the primary
SESSIONS = 20  # in use at once: 50 commits a second that wait for a lost standby would take all of max_connections
UNANSWERED = 3  # logins at once, of one client at a server that did not take writes last
GRACE_S = 1.0  # what a server gets to confirm the cancellation of a statement whose caller has gone

_closing: set[asyncio.Task[None]] = set()


@dataclass(kw_only=True)
class Session:
    """One connection, and the warnings the server sent on it since the last statement began."""

    connection: psycopg.AsyncConnection[Any]
    warnings: list[str] = field(default_factory=list)
    abandoned: bool = False  # a statement was cancelled and the session closes when the server knows


@dataclass(kw_only=True)
class Servers:
    """Where the primary may be, and what this client knows of it."""

    conninfos: list[str]
    primary: str | None = None  # the last that took writes
    asking: Counter[str] = field(default_factory=Counter)  # logins under way


def hosts(url: str, **changes: str) -> list[str]:
    """Split "postgresql://H1:P1,H2:P2/db?..." into one conninfo per host. ValueError when it is no such URL."""
    try:
        params = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ValueError(f"url is {public(url)!r}: {one_line(error)}") from None
    # The client's own time limit rules, and it is shorter than a second connect timeout beside it could be.
    params.pop("connect_timeout", None)
    names, ports = str(params.get("host", "localhost")).split(","), str(params.get("port", "5432")).split(",")
    ports = ports * len(names) if len(ports) == 1 else ports
    return [
        make_conninfo("", **{**params, **changes, "host": host, "port": port})
        for host, port in zip(names, ports, strict=True)
    ]


async def connect(conninfo: str) -> Session:
    """Open a session on one server. NoAnswer when it cannot be had or does not fit target_session_attrs."""
    try:
        connection = await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise NoAnswer(_why_unreachable(conninfo, error)) from None
    session = Session(connection=connection)
    connection.add_notice_handler(partial(_note, session.warnings))
    return session


def _why_unreachable(conninfo: str, error: psycopg.Error) -> str:
    why = one_line(error).rpartition(" failed: ")[2].partition(" Is the server running")[0]
    return f"port {conninfo_to_dict(conninfo).get('port')}: {why}"


def _note(warnings: list[str], notice: psycopg.errors.Diagnostic) -> None:
    if notice.severity_nonlocalized == "WARNING":
        warnings.append(notice.message_primary or "a warning without a text")


def servers(url: str, **changes: str) -> Servers:
    """List the servers of a URL, none of them asked yet. ValueError as for `hosts`."""
    return Servers(conninfos=hosts(url, **changes))


async def read_write(among: Servers) -> Session:
    """Open a session on the first server in the list that takes writes.

    One that has left this client's last questions unanswered is not asked once more, unless it took writes when
    anybody did: a primary that is slow has every request turn to the standbys as well, and logins at all of them, fifty
    a second each, keep a busy machine busy for good.
    """
    return await first([partial(_ask, among, conninfo) for conninfo in among.conninfos], close)


async def _ask(among: Servers, conninfo: str) -> Session:
    if among.primary not in (None, conninfo) and among.asking[conninfo] >= UNANSWERED:
        raise NoAnswer(f"port {conninfo_to_dict(conninfo).get('port')}: has not answered who asked before")
    among.asking[conninfo] += 1
    try:
        session = await connect(conninfo)
    finally:
        among.asking[conninfo] -= 1
    among.primary = conninfo
    return session


async def execute(session: Session, sql: str, *params: object) -> list[Any]:
    """Run one statement, give its rows. Refusal: an error that undid it. NoAnswer: anything else.

    When cancelled it returns at once; the server is told to give up and the session closed behind the caller's back:
    psycopg alone would hold a cancelled caller for up to 10 s.
    """
    session.warnings.clear()
    task = asyncio.ensure_future(_rows(session.connection, sql, params))
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        session.abandoned = True
        _close_soon(_bury(session, task))
        raise
    return task.result()


async def _rows(connection: psycopg.AsyncConnection[Any], sql: str, params: tuple[object, ...]) -> list[Any]:
    try:
        cursor = await connection.execute(sql, params or None)
        return await cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        raise (Refusal if undone(error) else NoAnswer)(_told(error)) from None


def undone(error: psycopg.Error) -> bool:
    """Say whether an error proves that the statement left nothing behind.

    An ERROR aborts its transaction.  A FATAL or PANIC may come while a commit is under way, a connection error at
    any time.
    """
    state = error.sqlstate or ""
    lost = state.startswith(("08", "57P0")) or state == "40003"
    return bool(state) and not lost and error.diag.severity_nonlocalized == "ERROR"


def _told(error: psycopg.Error) -> str:
    return f"{error.sqlstate}: {one_line(error)}" if error.sqlstate else one_line(error)


def close(session: Session) -> None:
    """Close a session without waiting."""
    if not session.abandoned:
        _close_soon(session.connection.close())


async def _bury(session: Session, task: "asyncio.Future[list[Any]]") -> None:
    task.cancel()  # psycopg sends a cancel request: no backend is left waiting for a standby that is gone
    await asyncio.wait({task}, timeout=GRACE_S)
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # looked at: nobody else will
    await session.connection.close()


def _close_soon(closing: Any) -> None:
    task = asyncio.ensure_future(closing)
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def settle() -> None:
    """Wait until the sessions of this event loop are closed: a loop that ends sooner would leave them open."""
    mine = {task for task in tuple(_closing) if task.get_loop() is asyncio.get_running_loop()}
    if mine:
        await asyncio.wait(mine, timeout=2 * GRACE_S)


async def newest_primary(conninfos: list[str], use: Callable[[Session], Any]) -> Any:
    """Run `use` on the primary with the highest timeline among the servers that answer.

    After a failover the old primary may still believe in itself; the timeline tells who was promoted last.
    """
    found = await asyncio.gather(
        *(asyncio.wait_for(_timeline(conninfo), ASK_S) for conninfo in conninfos), return_exceptions=True
    )
    sessions = [pair for pair in found if isinstance(pair, tuple)]
    try:
        primaries = [(timeline, session) for timeline, session in sessions if timeline is not None]
        if not primaries:
            raise NoAnswer(
                f"no primary among {len(conninfos)} servers: {[one_line(e) for e in found if isinstance(e, Exception)]}"
            )
        return await use(max(primaries, key=lambda pair: pair[0])[1])
    finally:
        for _, session in sessions:
            close(session)


async def _timeline(conninfo: str) -> tuple[str | None, Session]:
    session = await connect(conninfo)
    sql = "SELECT CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END"
    try:
        rows = await execute(session, sql)
    except BaseException:
        close(session)
        raise
    return rows[0][0], session
