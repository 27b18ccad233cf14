"""Holding what was seen against what was true."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.kit.scripts import Truth
from reports.outages import Outage


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One true outage and what was seen of it: nothing, or its first and its last edge; ns."""

    truth: Truth
    seen: tuple[Outage, ...]

    @property
    def start_error_ns(self) -> int:
        """Say how far the first failed request (t1) lies from the beginning."""
        return self.seen[0].start_ns - self.truth.start_ns

    @property
    def end_error_ns(self) -> int:
        """Say how far the lasting success (t5) lies from the end."""
        return (self.seen[-1].end_ns or self.seen[-1].start_ns) - self.truth.end_ns

    @property
    def error_ns(self) -> int:
        """Say by how much the reported downtime is too long."""
        return self.end_error_ns - self.start_error_ns

    @property
    def within_bound(self) -> bool:
        """Tell whether the error is within what the meter says of itself."""
        return abs(self.error_ns) <= max(one.bound_ns for one in self.seen)


@dataclass(frozen=True, kw_only=True)
class Matched:
    """Everything true with what was seen of it, and what was seen of nothing."""

    pairs: tuple[Pair, ...]
    false: tuple[Outage, ...]


def match(truths: Sequence[Truth], seen: Sequence[Outage], *, near_ns: int) -> Matched:
    """Give each true outage all those seen that begin in it, or within `near_ns` of it."""
    pairs = tuple(Pair(truth=t, seen=tuple(o for o in seen if _touch(t, o, near_ns))) for t in truths)
    taken = {id(o) for pair in pairs for o in pair.seen}
    return Matched(pairs=pairs, false=tuple(o for o in seen if id(o) not in taken))


def _touch(truth: Truth, seen: Outage, near_ns: int) -> bool:
    return truth.start_ns - near_ns <= seen.start_ns <= truth.end_ns + near_ns
