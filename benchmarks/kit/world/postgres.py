"""PostgreSQL's servers, asked through their own sockets: settings, roles, slots, databases, sessions."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.kit.world.where import Facts, Where, short
from targets.lab.layout import names

ANSWER_S = 3
CLOCK_S = 5.0  # a clock that is off by less is a slow answer

# each gives rows of (thing, how it is)
_ASKED = (
    """select 'setting ' || name, coalesce(setting, '') || ' by ' || source
       || case when pending_restart then ', waits for a restart' else '' end from pg_settings""",
    """select 'role ' || rolname, concat_ws(' ', rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication,
       rolconnlimit, rolvaliduntil, md5(rolpassword)) from pg_authid""",
    "select 'member ' || member::regrole || ' of ' || roleid::regrole, admin_option::text from pg_auth_members",
    """select 'slot ' || slot_name, concat_ws(' ', slot_type, plugin, database, wal_status,
       case when active then 'active' else 'idle' end) from pg_replication_slots where not temporary""",
    """select 'database ' || datname, concat_ws(' ', datdba::regrole, datallowconn, datconnlimit, datacl)
       from pg_database""",
    "select 'preset of role ' || setrole || ' in ' || setdatabase, setconfig::text from pg_db_role_setting",
    "select 'prepared transaction ' || gid, owner::text from pg_prepared_xacts",
    """select 'sessions of ' || coalesce(usename, '?') || ' as ' || quote_literal(application_name), 'there'
       from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()""",
    """select 'session idle in a transaction of ' || usename || ' as ' || quote_literal(application_name), 'there'
       from pg_stat_activity where state like 'idle in transaction%'""",
    "select 'standby ' || application_name, state || ' ' || sync_state from pg_stat_replication",
    "select 'role in the cluster', case when pg_is_in_recovery() then 'standby' else 'primary' end",
    "select 'WAL replay', case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else 'none' end",
)


def postgres(where: Where) -> Facts:
    """Ask every server; one that does not answer is a fact, too."""
    found: dict[str, str] = {}
    for node in names("postgres") if where.lab else ():
        found |= server((where.lab or Path()) / node)
    return found | together(found)


def server(folder: Path) -> dict[str, str]:
    """Ask the server of the node that has this folder."""
    return {f"{folder.name}: {thing}": how for thing, how in (*_altered(folder), *_asked(folder))}


def together(found: Facts) -> dict[str, str]:
    """Tell what all servers' answers come to, whoever of them leads."""
    roles = sorted(how for thing, how in found.items() if thing.endswith((": role in the cluster", ": the server")))
    standbys = sorted(how for thing, how in found.items() if ": standby " in thing)
    return {"the roles together": "; ".join([*roles, *standbys])} if roles else {}


def _asked(folder: Path) -> Iterator[tuple[str, str]]:
    try:
        with short(folder) as host, _connected(host) as connection:
            for question in _ASKED:
                for thing, how in connection.execute(question).fetchall():
                    yield str(thing), str(how)
            yield "clock", _clock(connection)
    except (psycopg.Error, OSError) as error:
        yield "the server", f"does not answer ({type(error).__name__})"


def _connected(host: str) -> "psycopg.Connection[Any]":
    how: dict[str, Any] = {"user": "postgres", "dbname": "postgres", "connect_timeout": ANSWER_S}
    patience = f"-c statement_timeout={ANSWER_S}s"
    return psycopg.connect(host=host, autocommit=True, options=patience, application_name="world", **how)


def _clock(connection: "psycopg.Connection[Any]") -> str:
    row = connection.execute("select extract(epoch from clock_timestamp())").fetchone()
    off = float(row[0]) - time.time() if row else 0.0
    return "right" if abs(off) < CLOCK_S else f"{off / 60:+.0f} minutes off"


def _altered(folder: Path) -> Iterator[tuple[str, str]]:
    """List what ALTER SYSTEM and the launchers wrote; of several lines the last is in force."""
    try:
        text = (folder / "data" / "postgresql.auto.conf").read_text()
    except OSError:
        text = ""
    yield from ((f"altered {name}", value) for name, value in re.findall(r"^(\w\S*) = (.*)$", text, re.MULTILINE))
