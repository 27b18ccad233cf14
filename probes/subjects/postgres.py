"""A ledger table in PostgreSQL, written and read directly, without the application.

The table has no unique constraint: a row that was stored twice must show twice.
"""

import asyncio

from probes.attempt import Attempt, NoAnswer, Refusal
from probes.pool import Pool
from probes.spec import LedgerSpec
from probes.subjects import Ledger
from probes.wire import postgresql as wire

TABLE = "CREATE TABLE IF NOT EXISTS ledger (ledger text NOT NULL, seq bigint NOT NULL)"
INSERT = "INSERT INTO ledger (ledger, seq) VALUES (%s, %s)"
SELECT = "SELECT seq FROM ledger WHERE ledger = %s ORDER BY seq"


def ledger(spec: LedgerSpec) -> Ledger:
    """Write rows (id, number), each in a transaction of its own."""
    servers = wire.servers(spec.url, target_session_attrs="read-write")
    anywhere = wire.hosts(spec.url, target_session_attrs="any")
    making = asyncio.Lock()
    made = False

    async def connect() -> wire.Session:
        nonlocal made
        session = await wire.read_write(servers)
        async with making:
            if not made:
                await _make_table(session)
                made = True
        return session

    pool = Pool(connect, wire.close, limit=wire.SESSIONS)

    async def write(seq: int, attempt: Attempt) -> None:
        async with pool.lent() as session:
            attempt.sent = True
            await wire.execute(session, INSERT, spec.id, seq)
            if session.warnings:
                # "canceling wait for synchronous replication": committed here, perhaps nowhere else
                raise NoAnswer(f"committed with the warning: {session.warnings[0]}")

    async def read() -> list[int]:
        rows = await wire.newest_primary(anywhere, lambda session: wire.execute(session, SELECT, spec.id))
        return [seq for (seq,) in rows]

    return Ledger(write=write, read=read)


async def _make_table(session: wire.Session) -> None:
    try:
        await wire.execute(session, TABLE)
    except Refusal as refusal:
        wire.close(session)
        if not str(refusal).startswith(("23505", "42P07")):  # another client was making it at the same moment
            raise
        raise NoAnswer("the ledger table was being made by another client") from None
    except BaseException:
        wire.close(session)
        raise
