"""PostgreSQL as those see it who keep no connection: log in on whichever server takes writes, SELECT 1, leave."""

from probes.attempt import Attempt
from probes.spec import StreamSpec
from probes.subjects import Request
from probes.wire import postgresql as wire


def stream(spec: StreamSpec) -> Request:
    """Ask over a new session each time; the user in `url` decides which slots may be used."""
    servers = wire.servers(spec.url)

    async def request(attempt: Attempt) -> None:
        attempt.sent = True
        session = await wire.read_write(servers)
        try:
            await wire.execute(session, "SELECT 1")
        finally:
            wire.close(session)

    return request
