"""What became of numbered writes, for a ledger kept by hand: the judge's set arithmetic, and an RPO without a fault.

Nobody says here when the fault struck, so a loss is measured back from what callers noticed: from the begin of the
outage (t1, the intended time of the first write that failed) to the acknowledgement of the oldest write lost in it.  A
lost write belongs to the outage during which it was confirmed, else to the next one after.  Where no outage fits, and
where nothing was confirmed before the outage, the RPO is not measured, and `why` says so: without an outage, no loss
shows only that nothing happened.

`reports.ledgers` does this for a drill; tests/test_stopwatch.py holds the two against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from probes.attempt import ACKED, FAILED, UNKNOWN
from probes.stopwatch import NS, Outage, Tick


@dataclass(frozen=True, kw_only=True)
class Books:
    """One ledger, closed. `lost` and the three behind it are None without a complete final read."""

    attempted: int
    acked: int
    failed: int  # certainly not done
    unknown: int  # no answer: they may have been written or not
    lost: frozenset[int] | None  # confirmed to the caller, and gone
    recovered: frozenset[int] | None  # never confirmed, and there: allowed
    unexpected: frozenset[int] | None  # there, and asked for by nobody
    duplicates: int | None  # rows beyond the first of a number


@dataclass(frozen=True, kw_only=True)
class Rpo:
    """How much time's worth of confirmed writes was lost, ns; None when it was not measured, and `why` says why."""

    ns: int | None
    bound_ns: int = 0
    why: str = ""


def books(writes: Sequence[Tick], read: Sequence[int] | None) -> Books:
    """Close the books; `read` is every row that is there, None when they could not be read completely."""
    attempted, acked = {w.seq for w in writes}, _of(writes, ACKED)
    there = None if read is None else set(read)
    return Books(
        attempted=len(attempted),
        acked=len(acked),
        failed=len(_of(writes, FAILED)),
        unknown=len(_of(writes, UNKNOWN)),
        lost=None if there is None else frozenset(acked - there),
        recovered=None if there is None else frozenset((there & attempted) - acked),
        unexpected=None if there is None else frozenset(there - attempted),
        duplicates=None if there is None or read is None else len(read) - len(there),
    )


def _of(writes: Sequence[Tick], outcome: str) -> set[int]:
    return {write.seq for write in writes if write.outcome == outcome}


def rpo(writes: Sequence[Tick], lost: frozenset[int], outages: Sequence[Outage], *, interval_ns: int) -> Rpo:
    """Measure the loss of the worst outage. A loss is never shorter than one interval: no loss looks like none."""
    if not outages:
        also = f", though {len(lost)} confirmed writes are lost" if lost else ""
        return Rpo(ns=None, why=f"there was no outage to count back from{also}")
    bound_ns = max(outage.bound_ns for outage in outages)
    if not lost:
        if any(w.ok and w.intended_ns < outages[-1].start_ns for w in writes):
            return Rpo(ns=0, bound_ns=bound_ns)
        return Rpo(ns=None, why="no write was confirmed before the outage")
    acks: dict[int, list[int]] = {}
    for write in writes:
        if write.seq in lost and write.ok:
            acks.setdefault(_outage_of(write, outages), []).append(write.done_ns)
    if after := acks.get(len(outages)):
        return Rpo(ns=None, why=f"{len(after)} of the lost writes were confirmed after the last outage had ended")
    return Rpo(ns=max(_loss_ns(outages[at], done, interval_ns) for at, done in acks.items()), bound_ns=bound_ns)


def _outage_of(write: Tick, outages: Sequence[Outage]) -> int:
    """Find the outage that a lost write belongs to: the first that ended after it was confirmed."""
    later = (at for at, outage in enumerate(outages) if outage.end_ns is None or write.done_ns < outage.end_ns)
    return next(later, len(outages))


def _loss_ns(outage: Outage, done: Sequence[int], interval_ns: int) -> int:
    return max(interval_ns, max(outage.start_ns, *done) - min(done))


def seconds(ns: int | None) -> float | None:
    """Give ns in seconds."""
    return None if ns is None else ns / NS
