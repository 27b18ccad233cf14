"""Runbook for a dead PostgreSQL primary: promote the most advanced standby, re-point the other, rejoin the old one."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from psycopg import conninfo, sql

from targets import where
from targets.abilities import Killable
from targets.target import Node, Target, TargetError
from targets.waiting import until

LOOK_S = 0.05
MISSES = 3  # a primary is dead when it misses this many looks in a row
WAIT_S = 20.0

RECEIVED = "select coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn"


def promote(component: str = "postgres", detect_within_s: float = 10.0) -> dict[str, Any]:
    """Wait until the primary is seen dead, promote the standby that received most, re-point the others.

    Returns names and moments.  TargetError when the primary does not die, no standby answers, or none becomes primary.
    """
    target = where.target()
    detected_ns, standbys = _seen_dead(target, component, detect_within_s)
    started_ns = time.monotonic_ns()
    received = {node.name: int(_ask(node, RECEIVED)) for node in standbys}
    if not received:
        raise TargetError(f"no standby of {component} answers: nothing can be promoted")
    best = max(standbys, key=lambda node: received[node.name])
    _ask(best, "select pg_promote(false)")
    until(lambda: _ask(best, "select pg_is_in_recovery()") is False, WAIT_S, f"{best.name} to become primary")
    promoted_ns = time.monotonic_ns()
    for node in standbys:
        if node.name != best.name:
            _repoint(node, best)
    return {
        "promoted": best.name,
        "received": received,
        "detected_ns": detected_ns,
        "recovery_started_ns": started_ns,
        "promoted_ns": promoted_ns,
    }


def bring_back(component: str = "postgres") -> dict[str, Any]:
    """Start the nodes that do not run; their launcher rewinds an old primary and lets it follow the new one."""
    target = where.target()
    if not isinstance(target, Killable):
        raise TargetError(f"target {target.address} cannot start nodes")
    started = [node.name for node in target.nodes(component) if target.incarnation(node.name) is None]
    for name in started:
        target.start(name)
    return {"started": started}


def _seen_dead(target: Target, component: str, within_s: float) -> tuple[int, list[Node]]:
    """Give the moment at which no look found a primary any more, and the standbys that the last look found.

    The looks begin one after the other and overlap: a host that is silent holds each of them up by a whole timeout.
    """
    deadline = time.monotonic() + within_s
    with ThreadPoolExecutor(MISSES) as pool:
        while time.monotonic() < deadline:
            looks = [pool.submit(_look, target, component, LOOK_S * number) for number in range(MISSES)]
            seen = [look.result() for look in looks]
            if not any(node.role == "primary" for nodes in seen for node in nodes):
                return time.monotonic_ns(), [node for node in seen[-1] if node.role == "standby"]
    raise TargetError(f"a primary of {component} still answers after {within_s:.0f} s: nothing is promoted beside it")


def _look(target: Target, component: str, after_s: float) -> tuple[Node, ...]:
    time.sleep(after_s)
    return target.nodes(component)


def _repoint(node: Node, primary: Node) -> None:
    """Let a standby follow the new primary, from a slot of its own so that no WAL it needs is removed."""
    follows = conninfo.conninfo_to_dict(str(_ask(node, "show primary_conninfo")))
    reached = conninfo.conninfo_to_dict(primary.endpoint)
    follows |= {"host": reached["host"], "port": reached["port"]}
    slot = str(_ask(node, "show primary_slot_name"))
    if slot and not _ask(primary, "select count(*) from pg_replication_slots where slot_name = %s", slot):
        _ask(primary, "select pg_create_physical_replication_slot(%s, true)", slot)
    with psycopg.connect(node.endpoint, autocommit=True, connect_timeout=2) as connection:
        written = conninfo.make_conninfo(**{key: str(value) for key, value in follows.items()})
        connection.execute(sql.SQL("alter system set primary_conninfo = {}").format(written))
        connection.execute("select pg_reload_conf()")


def _ask(node: Node, question: str, *values: object) -> Any:
    try:
        with psycopg.connect(node.endpoint, autocommit=True, connect_timeout=2) as connection:
            row = connection.execute(question.encode(), values or None).fetchone()
    except psycopg.Error as error:
        raise TargetError(f"{node.name}: {question!r}: {error}") from error
    return row[0] if row else None
