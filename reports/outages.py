"""Outages as callers saw them, on the axis of the times at which requests were meant to leave.

An outage opens at the first failed request and closes at the first success of the first stretch of at least one
window in which every request succeeded.  Successes in shorter stretches are flapping inside the same outage.
At the end of the record the last request speaks for one interval more, as in the client's own clean window.

Every edge lies between two requests, so an outage is known to within `bound_ns`: the widest step between the two
requests at either edge (one interval on an unbroken schedule) plus the largest lag of those requests.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from reports.shapes import NS, Request

INTENDED = attrgetter("intended_ns")


@dataclass(frozen=True, kw_only=True)
class Outage:
    """A time in which callers were not served; ns, monotonic."""

    stream: str
    start_ns: int  # when the first request that failed was meant to leave
    end_ns: int | None  # when the first request of the clean stretch was meant to leave; None: never
    bound_ns: int
    failures: int
    first_done_ns: int  # when the first failure was known
    first_success_ns: int | None  # the first success after the first failure, lasting or not
    error: str | None  # of the first failure


@dataclass(frozen=True, kw_only=True)
class Client:
    """How well the client itself kept its schedule, and what it was served."""

    requests: int
    failed: int
    availability: float | None  # share of the requests that succeeded; None when there were none
    lag_p99_s: float | None
    lag_max_s: float | None


def outages(samples: Sequence[Request], *, interval_ns: int, window_ns: int) -> tuple[Outage, ...]:
    """Find the outages of one stream; any order of samples gives the same answer."""
    row = sorted(samples, key=INTENDED)
    failed = [at for at, sample in enumerate(row) if not sample.ok]
    found, first = [], failed[0] if failed else 0
    for here, after in pairwise([*failed, len(row)]):
        closed = _stretch(row, here + 1, after, interval_ns) >= window_ns
        if closed or after == len(row):
            found.append(_outage(row, first, here, closed=closed, interval_ns=interval_ns))
            first = after
    return tuple(found)


def _stretch(row: Sequence[Request], begin: int, end: int, interval_ns: int) -> int:
    """Measure the successes row[begin:end], up to the next failure or, at the end, one interval further."""
    if begin == end:
        return 0
    until = row[end].intended_ns if end < len(row) else row[-1].intended_ns + interval_ns
    return until - row[begin].intended_ns


def _outage(row: Sequence[Request], first: int, last: int, *, closed: bool, interval_ns: int) -> Outage:
    edges = [(first - 1, first)] if first else []
    edges += [(last, last + 1)] if closed else []
    steps = [row[b].intended_ns - row[a].intended_ns for a, b in edges]
    lags = [row[at].lag_ns for at in {first, *(at for edge in edges for at in edge)}]
    return Outage(
        stream=row[first].stream,
        start_ns=row[first].intended_ns,
        end_ns=row[last + 1].intended_ns if closed else None,
        bound_ns=max(interval_ns, *steps, 0) + max(lags),
        failures=sum(not sample.ok for sample in row[first : last + 1]),
        first_done_ns=row[first].done_ns,
        first_success_ns=next((s.intended_ns for s in row[first:] if s.ok), None),
        error=row[first].says,
    )


def stalls(samples: Sequence[Request], *, since_ns: int, lag_ns: int, gap_ns: int) -> tuple[str, ...]:
    """Say where the client itself stood still from `since_ns` on: a request later than `lag_ns`, a hole of `gap_ns`.

    A client that stood still did not see the service, and takes answers that waited for it as timeouts.
    """
    row = sorted((s for s in samples if s.intended_ns >= since_ns), key=INTENDED)
    steps = [b.intended_ns - a.intended_ns for a, b in pairwise(row)]
    lag, gap = _most_lag(row), max(steps, default=0)
    said = []
    if lag > lag_ns:
        said.append(f"the client lagged: a request of {row[0].stream} left {lag / NS:.2f} s late")
    if gap > gap_ns:
        said.append(f"the client stood still: it has no request of {row[0].stream} for {gap / NS:.2f} s")
    return tuple(said)


def blind_ns(samples: Sequence[Request], *, interval_ns: int) -> int:
    """Measure the longest outage that these requests could have missed altogether."""
    row = sorted(samples, key=INTENDED)
    steps = (b.intended_ns - a.intended_ns for a, b in pairwise(row))
    return max(interval_ns, max(steps, default=0)) + _most_lag(row)


def _most_lag(row: Sequence[Request]) -> int:
    return max(0, max((s.sent_ns - s.intended_ns for s in row), default=0))


def client(samples: Sequence[Request]) -> Client:
    """Count what the client saw, and how punctual it was."""
    lags = sorted(s.sent_ns - s.intended_ns for s in samples)
    failed = sum(not s.ok for s in samples)
    return Client(
        requests=len(lags),
        failed=failed,
        availability=1 - failed / len(lags) if lags else None,
        lag_p99_s=max(0, lags[math.ceil(0.99 * len(lags)) - 1]) / NS if lags else None,
        lag_max_s=max(0, lags[-1]) / NS if lags else None,
    )
