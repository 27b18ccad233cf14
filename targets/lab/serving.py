"""Whether a node serves: a word with the server itself, past the links. Standard library only."""

import asyncio
from contextlib import suppress
from pathlib import Path

from targets.lab.roles.hello import STARTUP

ANSWER_WITHIN_S = 1.0


async def serves(component: str, where: Path | str, within_s: float = ANSWER_WITHIN_S) -> bool:
    """Say whether the server in a node's folder, or at HOST:PORT, answers its protocol's simplest question."""
    question, answer = _WORDS[component]
    if not question:
        return True
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await _connected(component, where)
            return await _ask(reader, writer, question, answer)
    except (OSError, TimeoutError):
        return False


def socket_name(component: str) -> str:
    """Name the Unix socket on which a component's server listens, inside its node's folder."""
    return ".s.PGSQL.5432" if component == "postgres" else "socket"


def socket_path(node: str) -> str:
    """Say where a node's server listens, relative to the lab's folder: a socket's path must be short."""
    return f"{node}/{socket_name(node.rpartition('-')[0])}"


async def _connected(component: str, where: Path | str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(where, str):
        host, _, port = where.rpartition(":")  # noqa: ASYNC240  a string
        return await asyncio.open_connection(host, int(port))
    # relative to the supervisor's own folder: a socket's path must be short
    return await asyncio.open_unix_connection(f"{where.name}/{socket_name(component)}")


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, question: bytes, answer: bytes) -> bool:
    try:
        writer.write(question)
        return (await reader.read(len(answer))) == answer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


_GET = b"GET /%s HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
_WORDS = {
    "postgres": (STARTUP, b"R"),  # an authentication message; while it starts up it answers with an error
    "redis": (b"PING\r\n", b"+PONG"),
    "sentinel": (b"PING\r\n", b"+PONG"),
    "objects": (_GET % b"lab", b"HTTP/1.1 200"),  # the bucket is there
    "api": (_GET % b"livez", b"HTTP/1.1 200"),
    "worker": (b"", b""),
}
