"""Whether a component answers its callers at this moment: one request that changes nothing, by the URL's scheme."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from probes import postgres
from probes.attempt import Attempt, NoAnswer, Refusal
from probes.wire import redis as wire
from probes.wire.http import exchange, prepare
from targets.target import Node, TargetError, Unable

ANSWER_S = 3.0
HEALTH = "/health"


def ask(url: str) -> None:
    """Ask as a caller does. TargetError without a good answer, Unable for a scheme that nobody here speaks.

    To be trusted as far as one answer goes: of HTTP, anything below 500 to GET /health is one.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("postgresql", "postgres"):
        postgres.query(url, "SELECT 1")
    elif scheme == "redis+sentinel":
        _within(_ping(wire.place(url)), "redis")
    elif scheme in ("http", "https"):
        _http(url)
    else:
        raise Unable(f"nobody here speaks {scheme}")


def followers(writer: Node) -> int:
    """Count the nodes that follow a PostgreSQL primary or a Redis master and have caught up, as it says itself.

    TargetError when it does not say, Unable when nobody here could ask it.
    """
    place = urlsplit(writer.endpoint)
    if place.scheme in ("postgresql", "postgres"):
        return int(postgres.query(writer.endpoint, postgres.STREAMING))
    if place.scheme == "redis":
        return len(_within(_role(place.hostname or "", place.port or 6379), writer.name)[2])
    raise Unable(f"{writer.name}: nobody here can ask it who follows")


def _http(url: str) -> None:
    answer = _within(exchange(prepare(url.rstrip("/") + HEALTH), Attempt()), "http")
    if answer.status >= 500:
        raise TargetError(f"HTTP {answer.status}: {answer.body[:80].decode(errors='replace')}")


async def _ping(place: wire.Place) -> Any:
    connection = await wire.master_connection(place)
    try:
        return await wire.call(connection, "PING")
    finally:
        wire.close(connection)


async def _role(host: str, port: int) -> Any:
    connection = await wire.connect((host, port))
    try:
        return await wire.call(connection, "ROLE")
    finally:
        wire.close(connection)


def _within(asked: Any, who: str) -> Any:
    try:
        return asyncio.run(asyncio.wait_for(asked, ANSWER_S))
    except (NoAnswer, Refusal, OSError, EOFError) as error:  # TimeoutError is an OSError
        raise TargetError(f"{who}: {str(error) or f'no answer within {ANSWER_S:g} s'}") from None
