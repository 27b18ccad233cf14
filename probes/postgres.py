"""Probes of PostgreSQL: each server is asked itself, never the proxy or the supervisor in front of it."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from probes.attempt import NoAnswer, Refusal
from probes.nodes import ask
from probes.wire import postgresql as wire
from targets.target import Node, TargetError
from targets.waiting import until
from targets.where import target

T = TypeVar("T")

ANSWER_S = 2.0
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
FREE = """SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"""
WRITTEN = "pg_current_wal_lsn()"
RECEIVED = "coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"
REPLAYED = "pg_last_wal_replay_lsn()"


def primaries() -> int:
    """Count the nodes that say they are not in recovery: 1 is healthy, 2 is a split brain, 0 an outage.

    To be trusted because every node is asked by its own address; one that cannot be reached is not counted.
    """
    answers = ask(target().nodes("postgres"), lambda node: query(node.endpoint, "SELECT NOT pg_is_in_recovery()"))
    return sum(bool(answer) for answer in answers.values())


def streaming_standbys() -> int:
    """Count the standbys that stream from the primary, 0 when there is no primary.

    To be trusted because the primary counts its own senders, and "streaming" means that a standby has caught up.
    """
    try:
        return int(query(target().endpoint("postgres"), STREAMING))
    except TargetError:
        return 0


def synchronous_commit_possible() -> bool:
    """Say whether a commit is confirmed now by as many standbys as the primary waits for.

    To be trusted because it does commit (a message in the WAL, no table) and because it is False when the primary
    waits for nobody, or when it does not get what it waits for within 2 s.
    """
    url = target().endpoint("postgres")
    try:
        if query(url, "SELECT current_setting('synchronous_standby_names')") == "":
            return False
        needed = "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')"
        return bool(query(url, needed)) and _commits(url)
    except TargetError:
        return False


def await_standbys(count: int, timeout_s: float) -> dict[str, int]:
    """Wait for `count` streaming standbys: {"standbys": n, "redundant_ns": when (monotonic)}.

    TargetError after `timeout_s` seconds.  Redundancy is back when the primary itself sees all its standbys caught up.
    """
    seen = until(
        lambda: found if (found := streaming_standbys()) >= count else None,
        timeout_s,
        f"postgres: {count} streaming standbys",
    )
    return {"standbys": seen, "redundant_ns": time.monotonic_ns()}


def waiting_commits(for_s: float = 0.5, timeout_s: float = 5.0) -> int:
    """Wait until commits have waited for a standby for `for_s`, and count them; TargetError after `timeout_s`.

    To be trusted because the primary itself says what its sessions wait for.
    """
    sql = f"{WAITING} AND clock_timestamp() - query_start > make_interval(secs => {float(for_s)})"
    return until(lambda: int(_asked(sql)), timeout_s, f"postgres: commits that wait for {for_s:g} s")


def lag_bytes() -> int:
    """Say how much WAL the standby that is furthest behind has not received yet.

    To be trusted because positions in the WAL are compared, never clocks, and each server is asked for its own.
    TargetError when the primary or a standby does not answer.
    """
    received = [position(node.endpoint, RECEIVED) for node in _standbys()]
    return max(position(target().endpoint("postgres"), WRITTEN) - each for each in received)


def lag_by_clock_s() -> float:
    """Say how long ago the last transaction that a standby replayed was committed, by the standby's own clock.

    Not to be trusted: it compares the clocks of two machines. It is what many a dashboard shows.
    """
    sql = "SELECT extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())"
    return max(float(query(node.endpoint, sql) or 0) for node in _standbys())


def free_sessions() -> int:
    """Count the sessions on the primary that ordinary users can still have, 0 when it does not answer.

    To be trusted because the primary counts its own sessions; the one that asks is not counted.
    """
    try:
        return int(_asked(FREE)) + 1
    except TargetError:
        return 0


def slots_kept() -> int:
    """Count the replication slots on the primary whose WAL is still there, whole.

    To be trusted because "lost" and "unreserved" are the primary's own words for what is gone or about to be.
    """
    return int(_asked("SELECT count(*) FROM pg_replication_slots WHERE wal_status IN ('reserved', 'extended')"))


def retained_bytes() -> int:
    """Say how much WAL the primary keeps for the slot that is furthest behind: what an absent standby costs.

    To be trusted because it is what a full disk would be full of.
    """
    sql = "SELECT max(pg_current_wal_lsn() - restart_lsn)::bigint FROM pg_replication_slots"
    return int(_asked(sql) or 0)


def catch_up_s(timeout_s: float) -> float:
    """Wait until every standby has replayed what the primary has written by now, and say how many seconds it took.

    TargetError after `timeout_s`.  To be trusted because positions in the WAL are compared.
    """
    began, goal = time.monotonic(), position(target().endpoint("postgres"), WRITTEN)
    standbys = _standbys()
    until(
        lambda: all(position(node.endpoint, REPLAYED) >= goal for node in standbys),
        timeout_s,
        f"postgres: {len(standbys)} standbys at the position that the primary had",
    )
    return time.monotonic() - began


def position(url: str, sql: str) -> int:
    """Ask a server for a position in the WAL, in bytes. TargetError when it gives none."""
    return int(query(url, f"SELECT ({sql} - '0/0'::pg_lsn)::bigint"))


def _standbys() -> list[Node]:
    found = list(target().nodes("postgres", "standby"))
    if not found:
        raise TargetError("postgres: no standby answers")
    return found


def _asked(sql: str) -> Any:
    return query(target().endpoint("postgres"), sql)


def query(url: str, sql: str) -> Any:
    """Ask the server behind a URL for one value. TargetError when there is none within 2 s."""
    return _within(_value(url, sql))


def _commits(url: str) -> bool:
    try:
        _within(_confirmed(url))
    except TargetError:
        return False
    return True


async def _value(url: str, sql: str) -> Any:
    session = await wire.read_write(wire.servers(url))
    try:
        rows = await wire.execute(session, sql)
    finally:
        wire.close(session)
    return rows[0][0] if rows else None


async def _confirmed(url: str) -> None:
    session = await wire.read_write(wire.servers(url))
    try:
        await wire.execute(session, "SELECT pg_logical_emit_message(true, 'drillyard', 'does this commit?')")
    finally:
        wire.close(session)
    if session.warnings:
        raise NoAnswer(session.warnings[0])


def _within(asked: Coroutine[Any, Any, T]) -> T:
    # psycopg's own limits end where a link drops everything: the whole question has one.
    try:
        return asyncio.run(_limited(asked))
    except (NoAnswer, Refusal, OSError) as error:  # TimeoutError is an OSError
        raise TargetError(f"postgres: {str(error) or f'no answer within {ANSWER_S:g} s'}") from None


async def _limited(asked: Coroutine[Any, Any, T]) -> T:
    try:
        return await asyncio.wait_for(asked, ANSWER_S)
    finally:
        await wire.settle()
