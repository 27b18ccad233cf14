"""A read-through cache in Redis, under "cache:". Whoever uses it works without it, only slower."""

import asyncio
from contextlib import suppress
from typing import cast

from targets.lab.service.queue import AWAY, master

PREFIX = "cache:"
TTL_S = 60
WITHIN_S = 0.1  # a cache that is slower than this is no help


class Cache:
    """All access of one API process to the cache, with its hits and misses."""

    def __init__(self, url: str) -> None:
        self._client = master(url, answer_within=WITHIN_S)
        self.hits = 0
        self.misses = 0

    async def get(self, key: str) -> str | None:
        """Look a value up; None when it is not there, and when Redis does not answer in time."""
        found = None
        with suppress(*AWAY):
            async with asyncio.timeout(WITHIN_S):
                found = cast("str | None", await self._client.get(PREFIX + key))
        if found is None:
            self.misses += 1
        else:
            self.hits += 1
        return found

    async def put(self, key: str, value: str) -> None:
        """Keep a value for a while, if Redis takes it in time."""
        with suppress(*AWAY):
            async with asyncio.timeout(WITHIN_S):
                await self._client.set(PREFIX + key, value, ex=TTL_S)
