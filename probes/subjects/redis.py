"""Redis behind Sentinel: always the master, found anew after every failure.

The stream writes a key and reads it back.  The ledger appends to a list: a number that arrived twice is there twice,
and one LRANGE reads everything at one moment.
"""

from functools import partial

from probes.attempt import Attempt, NoAnswer
from probes.pool import Pool
from probes.spec import LedgerSpec, StreamSpec
from probes.subjects import Ledger, Request
from probes.wire import redis as wire


def stream(spec: StreamSpec) -> Request:
    """SET and GET the key "drillyard:probe:<name>"."""
    pool = Pool(partial(wire.master_connection, wire.place(spec.url)), wire.close)
    key = f"drillyard:probe:{spec.name}"
    rounds = 0

    async def request(attempt: Attempt) -> None:
        nonlocal rounds
        rounds += 1
        async with pool.lent() as connection:
            attempt.sent = True
            await wire.call(connection, "SET", key, str(rounds))
            if await wire.call(connection, "GET", key) is None:
                raise NoAnswer("the key that was just set is not there")

    return request


def ledger(spec: LedgerSpec) -> Ledger:
    """Append to the list "drillyard:ledger:<id>"."""
    place = wire.place(spec.url)
    pool = Pool(partial(wire.master_connection, place), wire.close)
    key = f"drillyard:ledger:{spec.id}"

    async def write(seq: int, attempt: Attempt) -> None:
        async with pool.lent() as connection:
            attempt.sent = True
            await wire.call(connection, "RPUSH", key, str(seq))

    async def read() -> list[int]:
        connection = await wire.connect(await wire.newest_master(place), place.password)
        try:
            if (await wire.call(connection, "ROLE"))[0] != "master":
                raise NoAnswer("the server that the Sentinels name is not a master yet")
            return [int(seq) for seq in await wire.call(connection, "LRANGE", key, "0", "-1")]
        finally:
            wire.close(connection)

    return Ledger(write=write, read=read)
