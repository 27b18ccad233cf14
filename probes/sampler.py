"""The open loop: requests leave at start + k * interval, whatever became of the earlier ones.

A tick is never skipped silently.  When this process was kept from running, its late ticks still leave, each with its
full timeout, and `sent_ns - intended_ns` shows the lag.  A tick that is later than its timeout (or the interval, if
that is longer) is not sent at all: a burst would hurt the service and would say nothing about the intended moment.
It is recorded as not ok (a write: `failed`, it certainly was not made) with the error NOT_SENT and with the time of
giving up in `sent_ns`, so its lag is beyond every bound: whoever judges by lag calls the outcome unknown, and can
take the tick neither for an outage nor for a success.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probes.attempt import ACKED, FAILED, Attempt, perform
from probes.streak import Streak

NOT_SENT = "client lagged: not sent"


@dataclass(frozen=True, kw_only=True)
class Done:
    """One finished tick; times in ns of time.monotonic_ns()."""

    source: str
    seq: int  # 1, 2, 3 ...
    intended_ns: int
    sent_ns: int
    done_ns: int
    outcome: str  # "acked", "failed" or "unknown"
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something to be asked on schedule, and where its results go."""

    request: Callable[[int, Attempt], Awaitable[None]]
    record: Callable[[Done], None]
    streak: Streak
    timeout_s: float

    @property
    def late_ns(self) -> int:
        """Give the lag from which a tick is not sent any more."""
        return max(int(self.timeout_s * 1e9), self.streak.interval_ns)


async def pace(source: Source, tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
    """Let a source's requests leave on schedule until `stop`; they run on in `tasks`."""
    streak = source.streak
    # No more than this can be under way unless the loop itself stalled; then the schedule waits, and the lag shows.
    room = asyncio.Semaphore(2 * (source.late_ns // streak.interval_ns + 1))
    for seq in itertools.count(1):
        intended_ns = streak.next_ns
        lag_ns = await _sleep_until(intended_ns)
        await room.acquire()
        if stop.is_set():
            return
        streak.begin(seq, intended_ns)
        tasks.create_task(_tick(source, seq, intended_ns, room))
        if lag_ns > streak.interval_ns:
            await asyncio.sleep(0)  # in a burst: let the requests begin, too


async def _sleep_until(at_ns: int) -> int:
    left_ns = at_ns - time.monotonic_ns()
    if left_ns > 0:
        await asyncio.sleep(left_ns / 1e9)
    return time.monotonic_ns() - at_ns


async def _tick(source: Source, seq: int, intended_ns: int, room: asyncio.Semaphore) -> None:
    sent_ns = time.monotonic_ns()
    outcome: str
    error: str | None
    if sent_ns - intended_ns > source.late_ns:
        outcome, error = FAILED, NOT_SENT
        done_ns = sent_ns
    else:
        outcome, error = await perform(lambda attempt: source.request(seq, attempt), source.timeout_s)
        done_ns = time.monotonic_ns()
    room.release()
    source.streak.end(seq, None if outcome == ACKED else error)
    source.record(
        Done(
            source=source.streak.name,
            seq=seq,
            intended_ns=intended_ns,
            sent_ns=sent_ns,
            done_ns=done_ns,
            outcome=outcome,
            error=error,
        )
    )
