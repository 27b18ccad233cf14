"""An HTTP service whose outages and losses are known to the nanosecond: what the client is calibrated against.

The benchmarks' scripted service, in a thread of the test's process, on the clock the client uses.
"""

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from benchmarks.kit import service
from benchmarks.kit.service import free_port

__all__ = ["Outage", "Service", "free_port"]


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Began between the first two stamps, ended between the last two (ns, monotonic)."""

    mode: str
    before_ns: int
    began_ns: int
    ending_ns: int
    ended_ns: int


class Service:
    """Serves from the moment it is made until `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._inner: service.Service
        self._do(self._open())
        self.port = self._inner.port

    @property
    def url(self) -> str:
        """Give the root URL."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def outage(self, mode: str) -> Iterator[list[Outage]]:
        """Keep a mode of the scripted service in force; the list holds the Outage afterwards."""
        found: list[Outage] = []
        before_ns = time.monotonic_ns()
        self._do(self._enter(mode))
        began_ns = time.monotonic_ns()
        try:
            yield found
        finally:
            ending_ns = time.monotonic_ns()
            self._do(self._enter("up"))
            stamps = {"before_ns": before_ns, "began_ns": began_ns, "ending_ns": ending_ns}
            found.append(Outage(mode=mode, **stamps, ended_ns=time.monotonic_ns()))

    def lose(self, ledger: str, *seqs: int) -> None:
        """Forget orders."""
        self._do(self._forget(ledger, seqs))

    def close(self) -> None:
        """Stop serving."""
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _open(self) -> None:
        self._inner = service.Service()
        await self._inner.open()

    async def _enter(self, mode: str) -> None:
        await self._inner.enter(mode)

    async def _forget(self, ledger: str, seqs: tuple[int, ...]) -> None:
        self._inner.store.forget(ledger, seqs)

    async def _shut(self) -> None:
        self._inner.close()
        for _ in range(5):  # a connection that was just accepted takes some turns until it is one, and is closed
            self._inner.close()
            await asyncio.sleep(0)
