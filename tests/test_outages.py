"""The arithmetic of outages has properties."""

import dataclasses
import random

from hypothesis import given
from hypothesis import strategies as st

from reports.outages import outages
from reports.shapes import Sample

STEP, WINDOW = 10, 50


def stream(oks: list[bool], lags: list[int] | None = None) -> list[Sample]:
    late = lags or [0] * len(oks)
    return [
        Sample(stream="s", intended_ns=at * STEP, sent_ns=at * STEP + lag, done_ns=at * STEP + lag + 1, ok=ok)
        for at, (ok, lag) in enumerate(zip(oks, late, strict=True))
    ]


def found(samples: list[Sample]) -> list[tuple[int, int | None]]:
    return [(o.start_ns, o.end_ns) for o in outages(samples, interval_ns=STEP, window_ns=WINDOW)]


def in_outage(oks: list[bool]) -> list[bool]:
    """Say the rule again, slowly: a success is clean when it stands in a run of at least a window, or in the first."""
    runs: list[list[int]] = []
    for at, ok in enumerate(oks):
        if ok and runs and at and oks[at - 1]:
            runs[-1].append(at)
        elif ok:
            runs.append([at])
    clean = {at for run in runs if len(run) * STEP >= WINDOW or run[0] == 0 for at in run}
    return [at not in clean for at in range(len(oks))]


OKS = st.lists(st.sampled_from([True, True, True, True, True, False]), min_size=1, max_size=80)


@given(OKS)
def test_outages_and_clean_time_are_the_whole_time(oks: list[bool]) -> None:
    horizon, down = len(oks) * STEP, found(stream(oks))
    edges = [edge for begin, end in down for edge in (begin, horizon if end is None else end)]
    assert edges == sorted(edges)
    assert sum(b - a for a, b in zip(edges[::2], edges[1::2], strict=True)) == STEP * sum(in_outage(oks))
    covered = [any(a <= at * STEP < (horizon if b is None else b) for a, b in down) for at in range(len(oks))]
    assert covered == in_outage(oks)


@given(OKS, st.randoms(use_true_random=False))
def test_the_order_of_completion_does_not_matter(oks: list[bool], chance: random.Random) -> None:
    samples = stream(oks)
    mixed = list(samples)
    chance.shuffle(mixed)
    assert outages(mixed, interval_ns=STEP, window_ns=WINDOW) == outages(samples, interval_ns=STEP, window_ns=WINDOW)


@given(OKS, st.data())
def test_more_failures_never_shorten_anything(oks: list[bool], data: st.DataObject) -> None:
    worse = list(oks)
    worse[data.draw(st.integers(0, len(oks) - 1))] = False
    horizon = len(oks) * STEP + 1

    def back(states: list[bool]) -> int:
        down = found(stream(states))
        return 0 if not down else horizon if down[-1][1] is None else down[-1][1]

    assert back(worse) >= back(oks)
    assert sum(in_outage(worse)) >= sum(in_outage(oks))


@given(
    begin=st.integers(100, 400),
    lasts=st.integers(0, 400),
    lags=st.lists(st.integers(0, 40), min_size=100, max_size=100),
)
def test_the_meter_is_as_good_as_its_bound(begin: int, lasts: int, lags: list[int]) -> None:
    """A service that is truly away for [begin, begin + lasts), watched by a client that is late but keeps its order."""
    sent = list(stream([True] * 100, lags))
    for at in range(1, 100):
        late = max(sent[at].sent_ns, sent[at - 1].sent_ns)
        sent[at] = dataclasses.replace(sent[at], sent_ns=late, done_ns=late + 1)
    seen = [dataclasses.replace(s, ok=not begin <= s.sent_ns < begin + lasts) for s in sent]
    down = outages(seen, interval_ns=STEP, window_ns=WINDOW)
    if not down:
        assert lasts <= STEP + max(s.lag_ns for s in sent)
        return
    assert down[0].end_ns is not None
    assert abs((down[0].end_ns - down[0].start_ns) - lasts) <= down[0].bound_ns
    assert abs(down[0].end_ns - (begin + lasts)) <= down[0].bound_ns
