"""A TCP port: served when a connection is accepted. The kernel accepts for a frozen process, too."""

import asyncio
from urllib.parse import urlsplit

from probes.attempt import Attempt
from probes.public import public
from probes.spec import StreamSpec
from probes.subjects import Request


def stream(spec: StreamSpec) -> Request:
    """Connect to the host and port of `url` ("tcp://HOST:PORT"), and let go."""
    parts = urlsplit(spec.url)
    host, port = parts.hostname, parts.port
    if not host or not port:
        raise ValueError(f"url is {public(spec.url)!r}; give tcp://HOST:PORT")

    async def request(_attempt: Attempt) -> None:
        _, writer = await asyncio.open_connection(host, port)
        writer.transport.abort()

    return request
