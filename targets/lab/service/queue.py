"""Redis, behind its sentinels: job queues and sessions. No hidden retries: they would double what an outage costs."""

import asyncio
from collections.abc import Awaitable
from typing import Any, cast
from urllib.parse import urlsplit

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from targets.lab.service.lists import FAILED, PRIORITIES, SLOTS, WAITING

DEADLINE_S = 0.6
ENQUEUE_WITHIN_S = 0.2  # an order is accepted without its job: the worker enqueues it later
_ANSWER_S = 0.25
# AttributeError: what Python 3.13.0's transports raise when a connection was reset before they are written to
AWAY = (RedisError, OSError, TimeoutError, AttributeError)


class Unavailable(Exception):
    """A dependency does not answer; the text names it."""


def master(url: str, *, answer_within: float = _ANSWER_S) -> "redis.asyncio.Redis":
    """Give a client that asks the sentinels for the master at every new connection."""
    parts = urlsplit(url)
    hosts = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in parts.netloc.split(","))]
    options: dict[str, Any] = {
        "socket_timeout": answer_within,
        "socket_connect_timeout": _ANSWER_S,
        "decode_responses": True,
        "retry": Retry(NoBackoff(), 0),
    }
    quick = options | {"socket_timeout": _ANSWER_S}
    sentinel = Sentinel(hosts, sentinel_kwargs=quick, **options)  # type: ignore[no-untyped-call]
    return cast("redis.asyncio.Redis", sentinel.master_for(parts.path.strip("/"), **options))


class Queue:
    """All access of one API process to Redis."""

    def __init__(self, url: str) -> None:
        self._client = master(url)

    async def _within(self, work: Awaitable[Any], seconds: float = DEADLINE_S) -> Any:
        try:
            async with asyncio.timeout(seconds):
                return await work
        except AWAY as error:
            raise Unavailable(f"redis: {str(error) or 'no answer in time'}") from error

    async def ping(self) -> None:
        """Raise Unavailable unless the master answers."""
        await self._within(self._client.ping())

    async def enqueue(self, priority: str, job: str) -> bool:
        """Put a job into its queue; False when Redis does not take it in time."""
        try:
            await self._within(self._client.lpush(f"queue:{priority}", job), ENQUEUE_WITHIN_S)
        except Unavailable:
            return False
        return True

    async def lengths(self) -> dict[str, int]:
        """Count the jobs in each queue, and those in the workers' hands as `processing`."""
        slots = await self._within(self._client.smembers(SLOTS))
        async with self._client.pipeline() as pipe:  # a transaction: no job is missed while it moves
            for name in (*WAITING, FAILED, *slots):
                pipe.llen(name)
            counts: list[int] = await self._within(pipe.execute())
        queues = (*PRIORITIES, "failed")
        return dict(zip(queues, counts, strict=False)) | {"processing": sum(counts[len(queues) :])}

    async def put(self, session: str, text: str) -> None:
        """Keep a session."""
        await self._within(self._client.set(f"session:{session}", text))

    async def get(self, session: str) -> str | None:
        """Read a session, None when there is none."""
        return cast("str | None", await self._within(self._client.get(f"session:{session}")))
