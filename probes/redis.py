"""Probes of Redis behind Sentinel: servers and Sentinels are asked themselves, without a single retry."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from probes.attempt import NoAnswer, Refusal
from probes.nodes import ask
from probes.wire import redis as wire
from targets.target import Node, TargetError
from targets.waiting import until
from targets.where import target

ANSWER_S = 1.0

Facts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Who takes part. Looked up once per probe: it costs seconds while a node is silent."""

    servers: tuple[Node, ...]
    sentinels: tuple[Node, ...]
    master_name: str

    def agreed(self, facts: list[Facts]) -> Node | None:
        """Give the server that more than half of all Sentinels name."""
        named = [f"{one['ip']}:{one['port']}" for one in facts]
        return next((node for node in self.servers if 2 * named.count(_host_port(node)) > len(self.sentinels)), None)

    def facts(self) -> list[Facts]:
        """Ask every Sentinel what it knows of the master."""
        answers = ask(self.sentinels, lambda node: _say(node, "SENTINEL", "MASTER", self.master_name))
        return [dict(zip(answer[::2], answer[1::2], strict=False)) for answer in answers.values()]


def _cast() -> Cast:
    found = target()
    return Cast(
        servers=found.nodes("redis"),
        sentinels=found.nodes("sentinel"),
        master_name=wire.place(found.endpoint("redis")).master_name,
    )


def masters() -> int:
    """Count the nodes that say they are master: 1 is healthy, 2 is a split brain, 0 an outage.

    To be trusted because every server states its own role; one that cannot be reached is not counted.
    """
    roles = ask(target().nodes("redis"), lambda node: _say(node, "ROLE"))
    return sum(role[0] == "master" for role in roles.values())


def await_masters(count: int, timeout_s: float) -> dict[str, Any]:
    """Wait until so many nodes say they are master: {"masters": names, "seen_ns": when (monotonic)}.

    Two are a split brain, one is its end.  TargetError after `timeout_s` seconds.
    """
    nodes = target().nodes("redis")

    def seen() -> list[str] | None:
        roles = ask(nodes, lambda node: _say(node, "ROLE"))
        found = sorted(name for name, role in roles.items() if role[0] == "master")
        return found if len(found) == count else None

    return {"masters": until(seen, timeout_s, f"redis: {count} masters"), "seen_ns": time.monotonic_ns()}


def linked_replicas() -> int:
    """Count the replicas that are in sync with the master the Sentinels name, 0 when there is no master.

    To be trusted because the master counts them itself, and ROLE lists only those that hold its data ("online").
    """
    return _linked(_cast())


def redundant(within_s: float = 15.0) -> bool:
    """Say whether there is exactly one master and every other node is in sync with it, waiting up to `within_s`.

    To be trusted as far as `masters` and `linked_replicas` are.  It waits because nodes that have just come back load
    and copy for a moment, and because Sentinel takes 10 s to make an old master a replica.
    """
    others = len(target().nodes("redis")) - 1
    try:
        return until(lambda: masters() == 1 and linked_replicas() == others, within_s, "redis: one master, all in sync")
    except TargetError:
        return False


def sentinel_quorum() -> bool:
    """Say whether the Sentinels could fail over now.

    To be trusted because each Sentinel checks it itself (CKQUORUM: quorum to agree, majority to act), and more than
    half of all must say so.
    """
    cast = _cast()
    usable = ask(cast.sentinels, lambda node: _say(node, "SENTINEL", "CKQUORUM", cast.master_name))
    return 2 * len(usable) > len(cast.sentinels)


def await_failover(timeout_s: float, old: str | None = None) -> dict[str, Any]:
    """Wait until another node than `old` is master: {"master": node, "detected_ns": ..., "promoted_ns": ...}.

    Done when more than half of the Sentinels name the node and the node itself says it is master; with `old` left out
    any living master will do, which after a kill can only be a new one.  `detected_ns` (monotonic) is when the first
    Sentinel held the master for down; if this began to look too late for that, when it first saw another master
    named: never earlier than the truth.  TargetError after `timeout_s` seconds.
    """
    cast = _cast()
    detected: list[int] = []

    def failed_over() -> str | None:
        facts = cast.facts()
        found = cast.agreed(facts)
        other = found is not None and old is not None and found.name != old
        detected.extend(_detections(facts, switched=other))
        return found.name if found and found.name != old and _is_master(found) else None

    master = until(failed_over, timeout_s, "redis: a new master")
    promoted_ns = time.monotonic_ns()
    return {"master": master, "detected_ns": min(detected, default=promoted_ns), "promoted_ns": promoted_ns}


def await_replicas(count: int, timeout_s: float) -> dict[str, int]:
    """Wait for `count` replicas in sync: {"replicas": n, "redundant_ns": when (monotonic)}; TargetError if not."""
    cast = _cast()
    what = f"redis: {count} linked replicas"
    seen = until(lambda: found if (found := _linked(cast)) >= count else None, timeout_s, what)
    return {"replicas": seen, "redundant_ns": time.monotonic_ns()}


def await_quorum(timeout_s: float) -> dict[str, int]:
    """Wait until the Sentinels could fail over: {"quorum_ns": when (monotonic)}; TargetError after `timeout_s` seconds.

    Those that were restarted are found again by the others' next attempts: one that was under way to where a Sentinel
    had been is given up after 15 s at the soonest (SENTINEL_MIN_LINK_RECONNECT_PERIOD in Redis' sentinel.c).
    """
    until(sentinel_quorum, timeout_s, "redis: the Sentinels' quorum")
    return {"quorum_ns": time.monotonic_ns()}


def _linked(cast: Cast) -> int:
    master = cast.agreed(cast.facts())
    roles = ask([master] if master else [], lambda node: _say(node, "ROLE"))
    return sum(len(role[2]) for role in roles.values() if role[0] == "master")


def _detections(facts: list[Facts], *, switched: bool) -> list[int]:
    """Give when the Sentinels that hold the master for down came to that."""
    now_ns = time.monotonic_ns()
    held = [now_ns - int(one["s-down-time"]) * 1_000_000 for one in facts if "s-down-time" in one]
    return held + ([now_ns] if switched else [])


def _is_master(node: Node) -> bool:
    return bool(_say(node, "ROLE")[0] == "master")


def _host_port(node: Node) -> str:
    """Name a node as the servers name one another."""
    return node.inside or urlsplit(node.endpoint).netloc.rpartition("@")[2]


def _say(node: Node, *words: str) -> Any:
    """Send one command to a node. TargetError when there is no answer within 1 s, or an error for an answer."""
    url = urlsplit(node.endpoint)
    try:
        return asyncio.run(asyncio.wait_for(_ask(url.hostname or "", url.port or 6379, words), ANSWER_S))
    except (NoAnswer, Refusal, OSError, EOFError) as error:
        raise TargetError(f"{node.name}: {str(error) or 'no answer'} to {words[0]}") from None


async def _ask(host: str, port: int, words: tuple[str, ...]) -> Any:
    connection = await wire.connect((host, port))
    try:
        return await wire.call(connection, *words)
    finally:
        wire.close(connection)
