"""What a PostgreSQL node does for the others of its cluster: slots, and whom they are to follow."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from targets.lab.roles import pgsettings
from targets.lab.roles.common import say

if TYPE_CHECKING:
    from targets.lab.roles.postgres import Postgres

POLL_S = 0.03
# a session like a standby's, which takes plain statements, too: callers who have used up all others do not keep it out
AS_PEER = "replication=database"


def conninfo(door: str) -> str:
    """Write the libpq connection string of a door."""
    host, _, port = door.rpartition(":")
    return f"host={host} port={port} user=postgres dbname=postgres"


def ensure_slots(pg: "Postgres", door: str, names: list[str]) -> None:
    """Create the replication slots of the named nodes where they are missing."""
    for slot in map(pgsettings.slot, names):
        pg.ask(
            door,
            f"select pg_create_physical_replication_slot('{slot}') where not exists "  # noqa: S608  names of our own
            f"(select from pg_replication_slots where slot_name = '{slot}')",
        )


def when_up(pg: "Postgres") -> Callable[[], None]:
    """Give what is to be done beside the server once it is up.

    The peers' slots are made here as well, so that after a promotion the others can follow this node at once; and
    those who still follow an old primary that is a standby now are sent on: its runbook was broken off.
    """

    def work() -> None:
        door = pg.config.doors[pg.config.name]
        while not pg.ask(door, "select 1"):
            time.sleep(POLL_S)
        ensure_slots(pg, door, list(pg.config.peers()))
        if pg.is_standby() and (primary := pg.primary()):
            _send_on(pg, primary)

    return work


def _send_on(pg: "Postgres", primary: str) -> None:
    here, there = pg.config.doors[pg.config.name], pg.config.doors[primary]
    for name in pg.config.peers().keys() - {primary}:
        door = pg.config.doors[name]
        if pgsettings.leads_to(here, pg.ask(door, "show primary_conninfo")):
            say(f"{name} follows this node and not {primary}: sending it there")
            ensure_slots(pg, there, [name])
            source = pgsettings.quoted(pgsettings.source(name, conninfo(there)))
            pg.ask(door, f"alter system set primary_conninfo = {source}")
            pg.ask(door, "select pg_reload_conf()")
