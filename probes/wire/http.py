"""One HTTP/1.1 request on a connection of its own, and its whole answer."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlsplit

from probes.attempt import Attempt, NoAnswer
from probes.public import public


@dataclass(frozen=True, kw_only=True)
class Call:
    """A prepared request."""

    host: str
    port: int
    tls: bool
    method: str
    message: bytes


class Answer(NamedTuple):
    """A complete answer."""

    status: int
    body: bytes


def prepare(
    url: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] = MappingProxyType({})
) -> Call:
    """Prepare a request; the body goes out as JSON unless `headers` say what it is. ValueError for a bad URL."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"url is {public(url)!r}; give http://HOST:PORT/PATH")
    tls = parts.scheme == "https"
    payload = b"" if body is None else body.encode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii() or not target.isprintable() or " " in target or not method.isalpha():
        raise ValueError(f"{method!r} {target!r} is no request; write what is not plain ASCII as %XX")
    typed = any(name.lower() == "content-type" for name in headers)
    head = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Connection: close",
        f"Content-Length: {len(payload)}",
        *(["Content-Type: application/json"] if payload and not typed else []),
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    message = "\r\n".join([*head, "", ""]).encode() + payload
    port = parts.port or (443 if tls else 80)
    return Call(host=parts.hostname, port=port, tls=tls, method=method, message=message)


async def exchange(call: Call, attempt: Attempt) -> Answer:
    """Send the request as a caller who comes fresh. NoAnswer, OSError or EOFError when the answer is not whole."""
    reader, writer = await asyncio.open_connection(call.host, call.port, ssl=call.tls or None)
    attempt.sent = True
    writer.write(call.message)
    return await _whole(reader, writer, call.method)


async def go_on(made: socket.socket, data: bytes, method: str) -> Answer:
    """Read the rest of an answer that began with `data`. Errors as for `exchange`; closes the connection."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    reader.feed_data(data)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.create_connection(lambda: protocol, sock=made)
    return await _whole(reader, asyncio.StreamWriter(transport, protocol, reader, loop), method)


async def _whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str) -> Answer:
    try:
        return await _answer(reader, method)
    except (ValueError, asyncio.LimitOverrunError) as error:
        raise NoAnswer(f"not HTTP: {error}") from None
    except asyncio.IncompleteReadError as error:
        raise NoAnswer(f"the answer broke off after {len(error.partial)} bytes of a part") from None
    finally:
        writer.transport.abort()  # never waits, even when the other side has stopped reading


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer:
    status = 100
    while 100 <= status < 200:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, _, rest = head[0].partition(" ")
        if not version.startswith("HTTP/1."):
            raise ValueError(head[0][:40])
        status = int(rest[:3])
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    if method == "HEAD" or status in {204, 304}:
        return Answer(status, b"")
    return Answer(status, await _body(reader, fields))


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if "chunked" in fields.get("transfer-encoding", "").lower():
        return await _chunks(reader)
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    return await reader.read()  # the server ends it by closing; nobody can tell a short one from a whole one


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return b"".join(parts)
