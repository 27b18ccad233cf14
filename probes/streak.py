"""Is a source of samples clean, and since when: the arithmetic of the sustained success window."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Streak:
    """One stream's or ledger's ticks, in ns: those in flight, the next one, the last bad one."""

    name: str
    start_ns: int
    interval_ns: int
    next_ns: int  # the intended time of the first tick that was not yet begun
    flying: dict[int, int] = field(default_factory=dict)  # number -> intended time
    bad_ns: int = -1  # the latest intended time of a request that was not answered as expected
    bad_why: str = ""
    answered: int = 0  # requests that have their result
    good: int = 0  # of these, as expected

    def begin(self, seq: int, intended_ns: int) -> None:
        """Note that a tick's request is on its way."""
        self.flying[seq] = intended_ns
        self.next_ns = intended_ns + self.interval_ns

    def end(self, seq: int, error: str | None) -> None:
        """Note a tick's result; `error` is None when it was answered as expected."""
        intended_ns = self.flying.pop(seq)
        self.answered += 1
        self.good += error is None
        if error is not None and intended_ns > self.bad_ns:
            self.bad_ns, self.bad_why = intended_ns, error

    def clean_from(self, after_ns: int) -> int:
        """Give the first tick at or after `after_ns` that no bad one follows; it may lie in the future."""
        ticks = -(-(after_ns - self.start_ns) // self.interval_ns)  # rounded up
        aligned = self.start_ns + max(0, ticks) * self.interval_ns
        return max(aligned, self.bad_ns + self.interval_ns) if self.bad_ns >= 0 else aligned

    def answered_until(self, from_ns: int) -> int:
        """Give the time before which every tick from `from_ns` on has its result."""
        return min((at for at in self.flying.values() if at >= from_ns), default=self.next_ns)


def steady_since(streaks: Sequence[Streak], *, after_ns: int, window_ns: int) -> int | None:
    """Give the start of the clean window all sources share and that reaches until now, None when it is too short."""
    since = max(streak.clean_from(after_ns) for streak in streaks)
    until = min(streak.answered_until(since) for streak in streaks)
    return since if until - since >= window_ns else None


def why_not(streaks: Sequence[Streak], *, after_ns: int, now_ns: int) -> str:
    """Name the source that is furthest from steady, and what it last said."""
    worst = max(streaks, key=lambda streak: (streak.clean_from(after_ns), -streak.answered_until(after_ns)))
    if worst.bad_ns >= after_ns:
        return f"{worst.name}: {worst.bad_why}"
    waited = (now_ns - min(streak.answered_until(after_ns) for streak in streaks)) / 1e9
    slowest = min(streaks, key=lambda streak: streak.answered_until(after_ns))
    return f"{slowest.name}: no answer yet for {waited:.2f} s" if waited > 0 else "the window has not passed yet"
