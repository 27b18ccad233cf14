"""PostgreSQL as its callers see it: SELECT 1 on whichever server takes writes, found anew after every failure."""

from functools import partial

from probes.attempt import Attempt
from probes.pool import Pool
from probes.spec import StreamSpec
from probes.subjects import Request
from probes.wire import postgresql as wire


def stream(spec: StreamSpec) -> Request:
    """Ask over kept connections; target_session_attrs in `url` decides which server will do."""
    pool = Pool(partial(wire.read_write, wire.servers(spec.url)), wire.close, limit=wire.SESSIONS)

    async def request(attempt: Attempt) -> None:
        async with pool.lent() as session:
            attempt.sent = True
            await wire.execute(session, "SELECT 1")

    return request
