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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from probes.attempt import ACKED, FAILED, Attempt, Flight, perform, settle
from probes.streak import Streak

NOT_SENT = "client lagged: not sent"
BURST = 16  # late ticks that leave before anything else has its turn
POLL_S = 0.005

Launch = Callable[[Attempt, Callable[[BaseException | None], None]], Flight]


class Done(NamedTuple):
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
    launch: Launch | None = None  # the same without a task, where that is possible
    record: Callable[[Done], None]
    streak: Streak
    timeout_s: float

    @property
    def late_ns(self) -> int:
        """Give the lag from which a tick is not sent any more."""
        return max(int(self.timeout_s * 1e9), self.streak.interval_ns)


class Deadlines:
    """Gives up flights whose time is over; all have the same time, so they end in the order in which they began."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._flights: dict[int, tuple[int, Flight]] = {}
        self._set = False

    def add(self, key: int, flight: Flight, at_ns: int) -> None:
        """Give a flight so long."""
        self._flights[key] = (at_ns, flight)
        if not self._set:
            self._set = True
            self._loop.call_at(at_ns / 1e9, self._ring)

    def drop(self, key: int) -> None:
        """Forget a flight that landed, at once: what lives on costs the garbage collector milliseconds."""
        self._flights.pop(key, None)

    def _ring(self) -> None:
        flights, now_ns = self._flights, time.monotonic_ns()
        self._set = False
        while flights:
            key, (at_ns, flight) = next(iter(flights.items()))
            if at_ns > now_ns:
                self._set = True
                self._loop.call_at(at_ns / 1e9, self._ring)
                return
            del flights[key]
            flight.give_up()


async def pace(sources: Sequence[Source], tasks: asyncio.TaskGroup, stop: asyncio.Event) -> None:
    """Let the requests of all sources leave on schedule until `stop`, and return when no flight is left.

    All have one interval, so they come round in the same order for ever; requests that need a task run on in `tasks`.
    """
    deadlines, late = Deadlines(), 0
    # No more than this can be under way unless the loop itself stalled; then the schedule waits, and the lag shows.
    turns = [(source, source.streak, 2 * (source.late_ns // source.streak.interval_ns + 1)) for source in sources]
    turns.sort(key=lambda turn: turn[1].next_ns)
    for seq in itertools.count(1):
        for source, streak, room in turns:
            intended_ns = streak.next_ns
            left_ns = intended_ns - time.monotonic_ns()
            late = 0 if left_ns > 0 else late + 1
            if left_ns > 0 or late % BURST == 0:  # in a burst: let answers come in, too
                await asyncio.sleep(max(0, left_ns / 1e9))
            while len(streak.flying) >= room:  # noqa: ASYNC110  hardly ever; an event would cost every request
                await asyncio.sleep(POLL_S)
            if stop.is_set():
                return await _landing(sources)
            streak.begin(seq, intended_ns)
            if source.launch:
                _launch(source, source.launch, seq, intended_ns, deadlines)
            else:
                tasks.create_task(_tick(source, seq, intended_ns))
    return None


async def _landing(sources: Sequence[Source]) -> None:
    while any(source.streak.flying for source in sources if source.launch):  # noqa: ASYNC110  once, at the end
        await asyncio.sleep(POLL_S)


def _launch(source: Source, launch: Launch, seq: int, intended_ns: int, deadlines: Deadlines) -> None:
    sent_ns, name = time.monotonic_ns(), source.streak.name
    if sent_ns - intended_ns > source.late_ns:
        _end(source, Done(name, seq, intended_ns, sent_ns, sent_ns, FAILED, NOT_SENT))
        return
    attempt, timeout_s = Attempt(), source.timeout_s
    key = id(attempt)  # `landed` keeps it from being anybody else's

    def landed(failure: BaseException | None) -> None:
        done_ns = time.monotonic_ns()
        deadlines.drop(key)
        _end(source, Done(name, seq, intended_ns, sent_ns, done_ns, *settle(failure, attempt, timeout_s)))

    flight = launch(attempt, landed)
    if not flight.over:
        deadlines.add(key, flight, sent_ns + int(timeout_s * 1e9))


async def _tick(source: Source, seq: int, intended_ns: int) -> None:
    sent_ns, name = time.monotonic_ns(), source.streak.name
    if sent_ns - intended_ns > source.late_ns:
        done = Done(name, seq, intended_ns, sent_ns, sent_ns, FAILED, NOT_SENT)
    else:
        outcome, error = await perform(lambda attempt: source.request(seq, attempt), source.timeout_s)
        done = Done(name, seq, intended_ns, sent_ns, time.monotonic_ns(), outcome, error)
    _end(source, done)


def _end(source: Source, done: Done) -> None:
    source.streak.end(done.seq, None if done.outcome == ACKED else done.error)
    source.record(done)
