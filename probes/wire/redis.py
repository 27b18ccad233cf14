"""Commands to Redis or Valkey over RESP2, and the way to the master through Sentinel.

By hand because a driver hides what is measured here: redis-py retries, greets with commands of its own and does not
tell whether a command had left when the connection broke.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from probes.attempt import NoAnswer, Refusal
from probes.pool import first
from probes.public import public

ASK_S = 2.0  # what each Sentinel gets to answer


@dataclass(frozen=True, kw_only=True)
class Place:
    """A component behind Sentinels."""

    sentinels: tuple[tuple[str, int], ...]
    master_name: str
    password: str | None = None  # of the servers, not of the Sentinels
    doors: Mapping[str, str] = field(default_factory=dict)  # HOST:PORT as the Sentinels say it, to what is reached here


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def place(url: str) -> Place:
    """Read "redis+sentinel://[:PASSWORD@]HOST:PORT,HOST:PORT/MASTER". ValueError when it is anything else.

    "?THERE:PORT=HERE:PORT&...": what the Sentinels call THERE is reached HERE, as from outside of a cluster.
    """
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    sentinels = [host.rpartition(":") for host in hosts.split(",")]
    name = parts.path.strip("/")
    if parts.scheme != "redis+sentinel" or not name or not all(h and p.isdigit() for h, _, p in sentinels):
        raise ValueError(f"url is {public(url)!r}; give redis+sentinel://HOST:PORT,HOST:PORT/MASTER_NAME")
    password = unquote(login.rpartition(":")[2]) or None
    return Place(
        sentinels=tuple((h, int(p)) for h, _, p in sentinels),
        master_name=name,
        password=password,
        doors=dict(parse_qsl(parts.query)),
    )


async def connect(address: tuple[str, int], password: str | None = None) -> Connection:
    """Open a connection to one server."""
    reader, writer = await asyncio.open_connection(*address)
    connection = Connection(reader=reader, writer=writer)
    if password is not None:
        try:
            await call(connection, "AUTH", password)
        except BaseException:
            close(connection)
            raise
    return connection


def close(connection: Connection) -> None:
    """Let go of a connection at once."""
    connection.writer.transport.abort()


async def call(connection: Connection, *words: str) -> Any:
    """Send one command and read its reply. Refusal carries an error reply: the server did not do it."""
    parts = [word.encode() for word in words]
    connection.writer.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    try:
        return await _reply(connection.reader)
    except asyncio.IncompleteReadError:
        raise NoAnswer(f"the server closed the connection instead of answering {words[0]}") from None
    except (ValueError, asyncio.LimitOverrunError) as error:
        raise NoAnswer(f"not RESP: {error}") from None


async def _reply(reader: asyncio.StreamReader) -> Any:
    line = await reader.readuntil(b"\r\n")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise Refusal(rest.decode(errors="replace"))
    if kind == b"+":
        return rest.decode()
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else (await reader.readexactly(int(rest) + 2))[:-2].decode()
    if kind == b"*":
        return None if rest == b"-1" else [await _reply(reader) for _ in range(int(rest))]
    raise NoAnswer(f"not RESP: {line[:40]!r}")


async def ask_sentinel(address: tuple[str, int], *words: str) -> Any:
    """Ask one Sentinel one question on a connection of its own."""
    connection = await connect(address)
    try:
        return await call(connection, *words)
    finally:
        close(connection)


async def master_connection(at: Place) -> Connection:
    """Connect to the master that the first Sentinel to answer names. It may be dead: then this fails."""
    asks = [partial(_named_master, address, at.master_name) for address in at.sentinels]
    return await connect(_reached(at, *await first(asks, lambda _: None)), at.password)


def _reached(at: Place, host: str, port: int) -> tuple[str, int]:
    there, _, number = at.doors.get(f"{host}:{port}", f"{host}:{port}").rpartition(":")
    return there, int(number)


async def _named_master(sentinel: tuple[str, int], name: str) -> tuple[str, int]:
    named = await ask_sentinel(sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    if named is None:
        raise NoAnswer(f"the Sentinel at port {sentinel[1]} knows no master called {name!r}")
    return named[0], int(named[1])


async def newest_master(at: Place) -> tuple[str, int]:
    """Find the master in the newest configuration any reachable Sentinel has: the one that outlives the others."""
    words = ("SENTINEL", "MASTER", at.master_name)
    asks = [asyncio.wait_for(ask_sentinel(address, *words), ASK_S) for address in at.sentinels]
    answers = await asyncio.gather(*asks, return_exceptions=True)
    known = [dict(zip(a[::2], a[1::2], strict=False)) for a in answers if isinstance(a, list)]
    if not known:
        raise NoAnswer(f"no Sentinel told the master: {answers}")
    newest = max(known, key=lambda facts: int(facts["config-epoch"]))
    return _reached(at, newest["ip"], int(newest["port"]))
