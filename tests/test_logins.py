"""A client that has to log in does not do so everywhere at once, again and again."""

import asyncio
import socket
from contextlib import ExitStack

from probes.attempt import NoAnswer
from probes.wire import postgresql as wire

REQUESTS = 20
PATIENCE_S = 1.0


def _storm(known: int | None) -> list[int]:
    """Have many requests look for the primary among servers that say nothing; gives who was asked how often."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100)) for _ in range(3)]
        ports = [server.getsockname()[1] for server in silent]
        servers = wire.servers(f"postgresql://nobody@{','.join(f'127.0.0.1:{port}' for port in ports)}/none")
        servers.primary = None if known is None else servers.conninfos[known]
        asyncio.run(_requests(servers))
        assert not servers.asking.total()
        return [_accepted(server) for server in silent]


async def _requests(servers: wire.Servers) -> None:
    requests = [asyncio.wait_for(wire.read_write(servers), PATIENCE_S) for _ in range(REQUESTS)]
    ended = await asyncio.gather(*requests, return_exceptions=True)
    assert all(isinstance(each, (TimeoutError, NoAnswer)) for each in ended)


def _accepted(server: socket.socket) -> int:
    server.settimeout(0)
    count = 0
    try:
        while True:
            server.accept()[0].close()
            count += 1
    except BlockingIOError:
        return count


def test_standbys_are_not_stormed_because_their_primary_is_slow() -> None:
    assert _storm(0) == [REQUESTS, wire.UNANSWERED, wire.UNANSWERED]


def test_the_primary_is_asked_by_everybody_wherever_it_is_listed() -> None:
    assert _storm(2) == [wire.UNANSWERED, wire.UNANSWERED, REQUESTS]


def test_nobody_is_spared_before_anybody_took_writes() -> None:
    assert _storm(None) == [REQUESTS] * 3
