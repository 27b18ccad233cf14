"""Whether a lab is ready, asked from outside through its doors, as its callers will see it."""

import http.client
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from targets.lab.layout import MASTER, Doors, at, names, part
from targets.target import TargetError

READY_WITHIN_S = 60.0
_POLL_S = 0.04
_LOOK_S = 0.5
_ONE_ANSWER_S = 2.0
_DIES_FOR_GOOD = 3  # restarts after which a node that ought to be up is given up


class Nodes(Protocol):
    """The nodes of a lab that is coming up."""

    def status(self) -> Mapping[str, Mapping[str, Any]]:
        """Say of each: its "incarnation" or None, its "restarts", the "code" with which it ended or None."""

    def log(self, node: str) -> str:
        """Give the end of a node's log."""


def wait_until_ready(doors: Doors, nodes: Nodes, say: Callable[[str], None], within: float) -> None:
    """Wait until every part serves. TargetError that names the node and shows the end of its log."""
    deadline, look_at = time.monotonic() + within, 0.0
    for name, check in _CHECKS.items():
        say(f"waiting for {name}")
        while (missing := _missing(check, doors)) is not None:
            node, why = missing
            if time.monotonic() > look_at:  # an engine that is asked about every container has less time to start them
                _give_up_if_dead(nodes)
                look_at = time.monotonic() + _LOOK_S
            if time.monotonic() > deadline:
                raise TargetError(f"the lab is not ready after {within:.0f} s: {node}: {why}{_log(nodes, node)}")
            time.sleep(_POLL_S)


def _missing(check: Callable[[Doors], tuple[str, str] | None], doors: Doors) -> tuple[str, str] | None:
    try:
        return check(doors)
    except (psycopg.Error, RedisError, OSError, http.client.HTTPException) as error:
        return _FIRST[check], str(error).strip()


def _give_up_if_dead(nodes: Nodes) -> None:
    for name, node in nodes.status().items():
        dead = node["incarnation"] is None and node["code"] is not None and not part(name).restarts
        if dead or node["restarts"] >= _DIES_FOR_GOOD:
            raise TargetError(f"the lab is not ready: {name} ended with code {node['code']}{_log(nodes, name)}")


def _log(nodes: Nodes, node: str) -> str:
    with suppress(TargetError):
        return f"; its log ends:\n{nodes.log(node)}"
    return ""


def _postgres(doors: Doors) -> tuple[str, str] | None:
    host, _, port = at(doors["postgres-a"]).rpartition(":")
    where: dict[str, Any] = {"host": host, "port": port, "user": "postgres", "dbname": "lab"}
    sql = "select application_name from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'"
    with psycopg.connect(**where, autocommit=True, connect_timeout=2) as connection:
        streaming = {row[0] for row in connection.execute(sql).fetchall()}
    behind = [name for name in names("postgres")[1:] if name not in streaming]
    return (behind[0], "is not streaming in the quorum yet") if behind else None


def client(door: int | str) -> "redis.Redis":
    """Give a client of one Redis or sentinel door that never tries again behind our back."""
    host, _, port = at(door).rpartition(":")
    timeouts: dict[str, Any] = {"socket_timeout": _ONE_ANSWER_S, "socket_connect_timeout": _ONE_ANSWER_S}
    found: redis.Redis = redis.Redis(host, int(port), decode_responses=True, retry=Retry(NoBackoff(), 0), **timeouts)
    return found


def _redis(doors: Doors) -> tuple[str, str] | None:
    """Whoever is master: on a slow machine the sentinels may have replaced the first one already."""
    links = {}
    for name in names("redis"):
        with client(doors[name]) as server:
            facts: Any = server.info("replication")
        links[name] = facts["role"] if facts["role"] == "master" else facts["master_link_status"]
    if list(links.values()).count("master") != 1:
        return names("redis")[0], f"has not one master but {links}"
    behind = [name for name, link in links.items() if link not in ("master", "up")]
    return (behind[0], "is not linked to its master yet") if behind else None


def _sentinel(doors: Doors) -> tuple[str, str] | None:
    for name in names("sentinel"):
        with client(doors[name]) as sentinel:
            facts: Any = sentinel.execute_command("SENTINEL", "MASTER", MASTER)
            sentinel.execute_command("SENTINEL", "CKQUORUM", MASTER)
        facts = facts if isinstance(facts, dict) else dict(zip(facts[::2], facts[1::2], strict=True))
        if facts["flags"] not in ("master", {"master"}):
            return name, f"sees the master as {facts['flags']}"
    return None


def _api(doors: Doors) -> tuple[str, str] | None:
    for name in names("api"):
        connection = http.client.HTTPConnection(at(doors[name]), timeout=_ONE_ANSWER_S)
        try:
            connection.request("GET", "/health")
            body = connection.getresponse().read().decode()
        finally:
            connection.close()
        if '"status":"ok"' not in body:
            return name, f"answers {body[:200]}"
    return None


def _worker(doors: Doors) -> tuple[str, str] | None:
    for name in names("redis"):
        with client(doors[name]) as server:  # a replica tells what its master was told
            alive = server.get("worker:worker-1:alive")
        if alive:
            return None
    return "worker-1", "has not given a sign of life yet"


_CHECKS = {
    "PostgreSQL and its standbys": _postgres,
    "Redis and its replicas": _redis,
    "the sentinels": _sentinel,
    "the API and the S3 store": _api,
    "the worker": _worker,
}
_FIRST: dict[Callable[[Doors], tuple[str, str] | None], str] = {
    _postgres: "postgres-a",
    _redis: "redis-b",
    _sentinel: "sentinel-a",
    _api: "api-1",
    _worker: "worker-1",
}
