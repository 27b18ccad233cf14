"""Runbook for Sentinels that hang: restart them. What they knew is in their own files."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from targets import where
from targets.abilities import Killable
from targets.target import Node, TargetError, VictimGone

ANSWER_S = 1.0


def restart_sentinels(component: str = "sentinel") -> dict[str, Any]:
    """Kill the Sentinels that do not answer, start them again and wait until they serve.

    A Sentinel that was merely let go on would distrust its own clock for a tilt period and fail nothing over.
    Returns names and moments.  TargetError when all of them answer: then it is another runbook.
    """
    target = where.target()
    if not isinstance(target, Killable):
        raise TargetError(f"target {target.address} cannot start nodes")
    nodes = target.nodes(component)
    with ThreadPoolExecutor(len(nodes)) as pool:
        silent = [node.name for node, answers in zip(nodes, pool.map(_answers, nodes), strict=True) if not answers]
    if not silent:
        raise TargetError(f"every node of {component} answers: there is nothing to restart")
    detected_ns = time.monotonic_ns()
    for name in silent:
        with suppress(VictimGone):  # somebody else's restart was quicker
            target.kill(name, target.incarnation(name) or "")
        target.start(name)
    return {"restarted": silent, "detected_ns": detected_ns, "recovery_started_ns": detected_ns}


def _answers(node: Node) -> bool:
    at = urlsplit(node.endpoint)
    timeouts: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S}
    try:
        with Redis(at.hostname or "", at.port or 26379, retry=Retry(NoBackoff(), 0), **timeouts) as client:
            return bool(client.ping())
    except RedisError:
        return False
