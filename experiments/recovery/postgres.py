"""Runbooks for PostgreSQL.

A dead primary:        promote the most advanced standby and re-point the other; bring_back the old one.
A dead host:           ensure_primary, which promotes only where the primary died with it.
A planned switchover:  ready_to_switch, shut the primary down in order, take_over; bring_back the old one.
"""

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
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
    return {
        "promoted": best.name,
        "received": received,
        "detected_ns": detected_ns,
        "recovery_started_ns": started_ns,
        "promoted_ns": _make_primary(best, standbys),
    }


def ensure_primary(component: str = "postgres", detect_within_s: float = 10.0) -> dict[str, Any]:
    """Promote as `promote` does unless a primary answers: for a loss that may have taken it, or not.

    Returns {"primary": its name} when one does.
    """
    primaries = where.target().nodes(component, "primary")
    return {"primary": primaries[0].name} if primaries else promote(component, detect_within_s)


def ready_to_switch(component: str = "postgres") -> dict[str, Any]:
    """Prepare a planned switchover: write the primary's checkpoint now, so that its shutdown has little left to do.

    TargetError when no standby streams: nobody could take over.
    """
    (primary,) = where.target().nodes(component, "primary")
    if not (streaming := _ask(primary, "select count(*) from pg_stat_replication where state = 'streaming'")):
        raise TargetError(f"no standby of {component} streams from {primary.name}: nobody could take over")
    with _connected(primary) as connection:
        connection.execute("checkpoint")
    return {"primary": primary.name, "streaming": streaming}


def take_over(component: str = "postgres") -> dict[str, Any]:
    """Promote a standby that has all that a primary, shut down in order, ever wrote; no look is waited for.

    TargetError when not exactly one node is down, or no standby has everything: then start the old primary again.
    """
    target, detected_ns = where.target(), time.monotonic_ns()
    nodes = target.nodes(component)
    standbys = tuple(node for node in nodes if node.role == "standby")
    ended = [node for node in nodes if not node.role]
    if len(ended) != 1 or len(standbys) != len(nodes) - 1:
        roles = ", ".join(f"{node.name} is {node.role or 'down'}" for node in nodes)
        raise TargetError(f"{component} is not in the middle of a switchover: {roles}")
    wrote = _shutdown_record(target, ended[0])
    received = {node.name: int(_ask(node, RECEIVED)) for node in standbys}
    best = max(standbys, key=lambda node: received[node.name])
    if received[best.name] <= wrote:
        raise TargetError(f"{ended[0].name} wrote up to {wrote}, standbys have {received}: start {ended[0].name} again")
    return {
        "promoted": best.name,
        "received": received,
        "handed_over": wrote,
        "detected_ns": detected_ns,
        "recovery_started_ns": detected_ns,
        "promoted_ns": _make_primary(best, standbys),
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


def _make_primary(best: Node, standbys: Sequence[Node]) -> int:
    """Promote one of the standbys, let the others follow it; gives the moment at which it was primary."""
    with _connected(best) as connection:
        where.check_may_act()
        connection.execute("select pg_promote(false)")
    until(lambda: _ask(best, "select pg_is_in_recovery()") is False, WAIT_S, f"{best.name} to become primary")
    promoted_ns = time.monotonic_ns()
    for node in standbys:
        if node.name != best.name:
            _repoint(node, best)
    return promoted_ns


def _shutdown_record(target: Target, node: Node) -> int:
    """Read where a node that is down wrote its shutdown checkpoint. TargetError when it did not end in order."""
    ran = target.run(node, ["pg_controldata", "-D", "data"], timeout=WAIT_S)
    state = re.search(r"Database cluster state:\s+(.+)", ran.out)
    found = re.search(r"Latest checkpoint location:\s+(\w+)/(\w+)", ran.out)
    if ran.code or not state or not found or state.group(1) != "shut down":
        raise TargetError(f"{node.name} was not shut down in order ({state.group(1) if state else ran.err.strip()})")
    return (int(found.group(1), 16) << 32) + int(found.group(2), 16)


def _look(target: Target, component: str, after_s: float) -> tuple[Node, ...]:
    time.sleep(after_s)
    return target.nodes(component)


def _repoint(node: Node, primary: Node) -> None:
    """Let a standby follow the new primary, from a slot of its own so that no WAL it needs is removed."""
    follows = conninfo.conninfo_to_dict(str(_ask(node, "show primary_conninfo")))
    reached = conninfo.conninfo_to_dict(primary.endpoint)
    host, _, port = primary.inside.rpartition(":")
    follows |= {"host": host or reached["host"], "port": port or reached["port"]}
    if slot := str(_ask(node, "show primary_slot_name")):
        _ensure_slot(primary, slot)
    with _connected(node) as connection:
        written = conninfo.make_conninfo(**{key: str(value) for key, value in follows.items()})
        connection.execute(sql.SQL("alter system set primary_conninfo = {}").format(written))
        connection.execute("select pg_reload_conf()")


def _ensure_slot(primary: Node, slot: str) -> None:
    with (
        _connected(primary) as connection,
        suppress(psycopg.errors.DuplicateObject),  # whoever comes back beside it makes slots for all others, too
    ):
        connection.execute("select pg_create_physical_replication_slot(%s, true)", (slot,))


def _ask(node: Node, question: str, *values: object) -> Any:
    with _connected(node) as connection:
        row = connection.execute(question.encode(), values or None).fetchone()
    return row[0] if row else None


@contextmanager
def _connected(node: Node) -> Iterator[psycopg.Connection[Any]]:
    """Have a session on a node; TargetError when none is to be had within WAIT_S, or what is done in it fails.

    One refusal ends nothing: callers storm what is left of a system, and half a runbook leaves it worse than none.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            connection = psycopg.connect(node.endpoint, autocommit=True, connect_timeout=2)
            break
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise TargetError(f"{node.name}: {error}") from error
        time.sleep(LOOK_S)
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise TargetError(f"{node.name}: {error}") from error
