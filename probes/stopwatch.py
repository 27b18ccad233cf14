"""Outages while they happen: the judge's definition of an outage, computed tick by tick.

An outage opens at the first failed request (t1) and closes at the first success of the first stretch of at least one
window in which every request succeeded (t5); successes in shorter stretches are flapping inside the same outage.  At
the end of the record the last request speaks for one interval more.  `bound_ns` is the widest step between the
requests at either edge plus the largest lag of those requests.

`reports.outages` says the same of a whole record, and may not be imported here; tests/test_stopwatch.py holds the two
against each other on random sequences.
"""

import math
from array import array
from dataclasses import dataclass, field

from probes.attempt import ACKED
from probes.failures import kind
from probes.sampler import NOT_SENT

NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One finished request; times in ns of time.monotonic_ns()."""

    seq: int  # 1, 2, 3 ... without a gap
    intended_ns: int
    sent_ns: int
    done_ns: int
    outcome: str  # "acked", "failed" or "unknown"
    error: str | None

    @property
    def ok(self) -> bool:
        """Tell whether the caller was served."""
        return self.outcome == ACKED

    @property
    def lag_ns(self) -> int:
        """Say how late the client sent it: the client's fault, not the service's."""
        return max(0, self.sent_ns - self.intended_ns)


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A time in which callers were not served; ns of time.monotonic_ns()."""

    start_ns: int  # t1: when the first request that failed was meant to leave
    end_ns: int | None  # t5: when the first request of the lasting success was meant to leave; None: it never came
    bound_ns: int
    failures: int
    error: str | None  # of the first failure

    @property
    def kind(self) -> str:
        """Name the kind of the first failure."""
        return kind(self.error)

    @property
    def downtime_s(self) -> float | None:
        """Give the length in seconds, None while it lasts."""
        return None if self.end_ns is None else (self.end_ns - self.start_ns) / NS


@dataclass(kw_only=True)
class Open:
    """An outage that has not ended."""

    before: Tick | None  # the last tick before it
    first: Tick  # the first failure
    last: Tick  # the latest failure
    failures: int = 1
    good: Tick | None = None  # the first success after `last`: t5, if it lasts

    def closed(self, until_ns: int, window_ns: int) -> bool:
        """Tell whether the successes since `last`, up to `until_ns`, make a window."""
        return self.good is not None and until_ns - self.good.intended_ns >= window_ns


class Stopwatch:
    """Takes the ticks of one source in their order; gives every outage once it is known to have ended."""

    def __init__(self, *, interval_ns: int, window_ns: int) -> None:
        self._interval_ns, self._window_ns = interval_ns, window_ns
        self._last: Tick | None = None
        self.open: Open | None = None

    def take(self, tick: Tick) -> Outage | None:
        """Count one more tick; the outage that it proves to have ended, if any."""
        ended = None
        if self.open and self.open.closed(tick.intended_ns, self._window_ns):
            ended, self.open = self._outage(self.open, closed=True), None
        if not tick.ok:
            self._failed(tick)
        elif self.open and self.open.good is None:
            self.open.good = tick
        self._last = tick
        return ended

    def _failed(self, tick: Tick) -> None:
        if self.open is None:
            self.open = Open(before=self._last, first=tick, last=tick)
        else:
            self.open.last, self.open.good = tick, None
            self.open.failures += 1

    def end(self) -> Outage | None:
        """Tell of the outage that the record ends in, if any."""
        if self.open is None or self._last is None:
            return None
        until_ns = self._last.intended_ns + self._interval_ns
        return self._outage(self.open, closed=self.open.closed(until_ns, self._window_ns))

    def _outage(self, found: Open, *, closed: bool) -> Outage:
        edges = [(found.before, found.first)] if found.before else []
        edges += [(found.last, found.good)] if closed and found.good else []
        steps = [after.intended_ns - before.intended_ns for before, after in edges]
        lags = [found.first.lag_ns, *(tick.lag_ns for edge in edges for tick in edge)]
        return Outage(
            start_ns=found.first.intended_ns,
            end_ns=found.good.intended_ns if closed and found.good else None,
            bound_ns=max(self._interval_ns, *steps, 0) + max(lags),
            failures=found.failures,
            error=found.first.error,
        )


@dataclass(kw_only=True)
class Tally:
    """What callers were served, and how well the client itself kept its schedule."""

    requests: int = 0
    failed: int = 0
    not_sent: int = 0  # ticks that the client came too late for
    lag_max_ns: int = 0
    _lags: "array[int]" = field(default_factory=lambda: array("q"))

    def take(self, tick: Tick) -> None:
        """Count one tick."""
        self.requests += 1
        self.failed += not tick.ok
        self.not_sent += tick.error == NOT_SENT
        self.lag_max_ns = max(self.lag_max_ns, tick.lag_ns)
        self._lags.append(tick.lag_ns)

    @property
    def availability(self) -> float | None:
        """Give the share of the requests that succeeded, None when there were none."""
        return 1 - self.failed / self.requests if self.requests else None

    @property
    def lag_p99_ns(self) -> int:
        """Give the lag that 99 of 100 requests kept below, 0 when there were none."""
        return sorted(self._lags)[math.ceil(0.99 * self.requests) - 1] if self.requests else 0
