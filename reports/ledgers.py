"""What became of numbered writes: set arithmetic between what was asked, what was confirmed and what was read."""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.shapes import NS, FinalRead, Objective, Write


@dataclass(frozen=True, kw_only=True)
class Books:
    """One ledger after the recovery. `lost` and the three behind it are None without a complete final read."""

    attempted: int
    acked: int
    unknown: int  # no answer: they may have been written or not
    lost: frozenset[int] | None  # confirmed to the caller, and gone
    recovered: frozenset[int] | None  # never confirmed, and there: allowed
    unexpected: frozenset[int] | None  # there, and asked for by nobody
    duplicates: int | None  # rows beyond the first of a number


def books(writes: Sequence[Write], read: FinalRead | None) -> Books:
    """Close the books of one ledger: lost = acked - read, recovered = (read & attempted) - acked, the rest foreign."""
    attempted = {w.seq for w in writes}
    acked = {w.seq for w in writes if w.outcome == "acked"}
    there = set(read.seqs) if read and read.complete else None
    return Books(
        attempted=len(attempted),
        acked=len(acked),
        unknown=len({w.seq for w in writes if w.outcome == "unknown"} - acked),
        lost=None if there is None else frozenset(acked - there),
        recovered=None if there is None else frozenset((there & attempted) - acked),
        unexpected=None if there is None else frozenset(there - attempted),
        duplicates=None if there is None or read is None else len(read.seqs) - len(there),
    )


def loss_ns(writes: Sequence[Write], lost: frozenset[int], *, t0_ns: int, interval_ns: int) -> int:
    """Measure a loss as time: from the acknowledgement of the oldest lost write to the fault.

    Writes that were acknowledged after the fault and then lost (by a server that had been deposed, say) stretch it
    to the newest of them.  A loss is never shorter than one interval: no loss looks like none.  0 when none was lost.
    """
    done = [w.done_ns for w in writes if w.seq in lost and w.outcome == "acked"]
    return max(interval_ns, max(t0_ns, *done) - min(done)) if done else 0


def wrote_until(writes: Sequence[Write], *, struck_ns: int, t0_ns: int, objective: Objective) -> bool:
    """Tell whether the ledger was writing up to the fault: an acknowledgement within five intervals and a timeout.

    Counted back from the moment the injection began: a slow injection may stop the writes before it is confirmed.
    """
    reach_ns = int((5 * objective.interval_s + objective.timeout_s) * NS)
    return any(w.outcome == "acked" and struck_ns - reach_ns <= w.done_ns <= t0_ns for w in writes)
