"""Runbook for a PostgreSQL primary whose connections are exhausted: end the idle sessions of whoever holds most."""

import time
from functools import partial
from typing import Any

import psycopg

from targets import where
from targets.target import Node, TargetError
from targets.waiting import until

FREE = """select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (select count(*) from pg_stat_activity where backend_type = 'client backend')"""
HOARDER = """select usename, application_name, count(*) from pg_stat_activity
    where backend_type = 'client backend' and state = 'idle' and pid <> pg_backend_pid()
    group by 1, 2 order by 3 desc limit 1"""
END = """select count(pg_terminate_backend(pid)) from pg_stat_activity where state = 'idle'
    and (usename, application_name) = (%s, %s) and state_change < clock_timestamp() - make_interval(secs => %s)"""


def end_idle(
    component: str = "postgres",
    idle_s: float = 1.0,
    free_at_least: int = 30,
    detect_within_s: float = 10.0,
    timeout_s: float = 10.0,
) -> dict[str, Any]:
    """Wait until no ordinary session is free, then end one holder's that are idle for `idle_s`, until enough are.

    Returns who held them, how many were ended, and the moments.  TargetError when sessions stay free, or stay taken.
    """
    target = where.target()
    # one that has no session left, not even a reserved one at that moment, says nothing of its role
    primary, *_ = until(lambda: target.nodes(component, "primary"), detect_within_s, f"a primary of {component}")
    try:
        with until(partial(_session, primary), detect_within_s, f"a way into {primary.name}") as connection:
            until(lambda: _free(connection) <= 0, detect_within_s, f"{primary.name} to run out of sessions")
            detected_ns = time.monotonic_ns()
            user, program, held = connection.execute(HOARDER).fetchone() or ("", "", 0)
            ended = 0

            def enough() -> bool:
                nonlocal ended
                row = connection.execute(END, (user, program, idle_s)).fetchone()
                ended += row[0] if row else 0
                return _free(connection) >= free_at_least

            until(enough, timeout_s, f"{primary.name} to have {free_at_least} free sessions")
    except psycopg.Error as error:
        raise TargetError(f"{primary.name}: {error}") from error
    return {
        "held_by": f"{user} ({program})",
        "held": held,
        "ended": ended,
        "detected_ns": detected_ns,
        "recovery_started_ns": detected_ns,
    }


def _session(primary: Node) -> "psycopg.Connection[Any]":
    """Log in as a superuser, who may use the reserved slots; they are few, and others look in by them, too."""
    try:
        return psycopg.connect(primary.endpoint, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError as error:
        raise TargetError(f"{primary.name}: {error}") from error


def _free(connection: "psycopg.Connection[Any]") -> int:
    row = connection.execute(FREE).fetchone()
    return int(row[0]) + 1 if row else 0  # its own session is a reserved one when no other is free
