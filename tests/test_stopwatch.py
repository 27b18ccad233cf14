"""The stopwatch and the books of `python -m probes` say what the judge says, whatever the sequence."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes import books
from probes.failures import kind
from probes.sampler import NOT_SENT
from probes.stopwatch import Outage, Stopwatch, Tally, Tick
from reports import ledgers, outages
from reports.shapes import FinalRead, Sample, Write

INTERVAL, WINDOW = 20, 100

Step = tuple[int, int, bool]  # distance to the tick before, lag, answered
steps = st.lists(
    st.tuples(st.sampled_from([INTERVAL, INTERVAL, INTERVAL, 7, 61, 150]), st.integers(0, 30), st.booleans())
)
regular = st.lists(st.tuples(st.just(INTERVAL), st.just(0), st.integers(0, 5).map(bool)))


def ticks(steps: Sequence[Step]) -> list[Tick]:
    at, made = 1000, []
    for seq, (step, lag, ok) in enumerate(steps, 1):
        at += step
        made.append(
            Tick(
                seq=seq,
                intended_ns=at,
                sent_ns=at + lag,
                done_ns=at + lag + 5,
                outcome="acked" if ok else "failed",
                error=None if ok else f"error {seq}",
            )
        )
    return made


def sample(tick: Tick) -> Sample:
    return Sample(
        stream="x",
        intended_ns=tick.intended_ns,
        sent_ns=tick.sent_ns,
        done_ns=tick.done_ns,
        ok=tick.ok,
        error=tick.error,
    )


def watched(row: Sequence[Tick]) -> list[Outage]:
    watch = Stopwatch(interval_ns=INTERVAL, window_ns=WINDOW)
    found = [watch.take(tick) for tick in row]
    return [outage for outage in (*found, watch.end()) if outage]


@given(steps | regular)
@example([(INTERVAL, 0, False)])
@example([(INTERVAL, 0, False)] + 5 * [(INTERVAL, 0, True)])
@example([(INTERVAL, 0, False)] + 4 * [(INTERVAL, 0, True)] + [(INTERVAL, 0, False)])
@example([(INTERVAL, 0, False)] + 5 * [(INTERVAL, 0, True)] + [(INTERVAL, 0, False)])
def test_the_stopwatch_is_the_judge(steps: list[Step]) -> None:
    row = ticks(steps)
    judged = outages.outages([sample(tick) for tick in row], interval_ns=INTERVAL, window_ns=WINDOW)
    assert [(o.start_ns, o.end_ns, o.bound_ns, o.failures, o.error) for o in watched(row)] == [
        (o.start_ns, o.end_ns, o.bound_ns, o.failures, o.error) for o in judged
    ]


def test_an_outage_is_told_as_soon_as_it_has_ended_for_certain() -> None:
    watch = Stopwatch(interval_ns=INTERVAL, window_ns=WINDOW)
    row = ticks([(INTERVAL, 0, True), (INTERVAL, 0, False), *(8 * [(INTERVAL, 0, True)])])
    told = [watch.take(tick) for tick in row]
    ended = next(outage for outage in told if outage)
    assert (ended.start_ns, ended.end_ns) == (row[1].intended_ns, row[2].intended_ns)
    assert row[told.index(ended)].intended_ns - row[2].intended_ns == WINDOW
    assert watch.end() is None


@given(steps)
def test_the_tally_is_the_judges(steps: list[Step]) -> None:
    row, tally = ticks(steps), Tally()
    for tick in row:
        tally.take(tick)
    judged = outages.client([sample(tick) for tick in row])
    assert (tally.requests, tally.failed, tally.availability) == (judged.requests, judged.failed, judged.availability)
    assert tally.lag_p99_ns / 1e9 == (judged.lag_p99_s or 0)
    assert tally.lag_max_ns / 1e9 == (judged.lag_max_s or 0)


outcomes = st.lists(st.sampled_from(["acked", "failed", "unknown"]), max_size=30)


@given(outcomes, st.none() | st.lists(st.integers(1, 35), max_size=40))
def test_the_books_are_the_judges(outcomes: list[str], read: list[int] | None) -> None:
    row = [
        Tick(seq=n, intended_ns=n * INTERVAL, sent_ns=n * INTERVAL, done_ns=n * INTERVAL + 3, outcome=o, error=None)
        for n, o in enumerate(outcomes, 1)
    ]
    final = None if read is None else FinalRead(complete=True, seqs=tuple(read))
    judged = ledgers.books([written(tick) for tick in row], final)
    mine = books.books(row, read)
    for one in ("attempted", "acked", "unknown", "lost", "recovered", "unexpected", "duplicates"):
        assert getattr(mine, one) == getattr(judged, one)
    assert mine.failed + mine.unknown + mine.acked == mine.attempted


def written(tick: Tick) -> Write:
    return Write(
        ledger="x",
        seq=tick.seq,
        intended_ns=tick.intended_ns,
        sent_ns=tick.sent_ns,
        done_ns=tick.done_ns,
        outcome=tick.outcome,  # type: ignore[arg-type]
        error=None,
    )


@given(regular, st.sets(st.integers(1, 60)))
def test_a_loss_is_measured_as_the_judge_measures_it(steps: list[Step], lost: set[int]) -> None:
    row = ticks(steps)
    found = watched(row)
    gone = frozenset(tick.seq for tick in row if tick.ok) & lost
    rpo = books.rpo(row, gone, found, interval_ns=INTERVAL)
    if len(found) == 1 and rpo.ns is not None:  # one outage: the judge's fault is its begin
        t0 = found[0].start_ns
        assert rpo.ns == ledgers.loss_ns([written(tick) for tick in row], gone, t0_ns=t0, interval_ns=INTERVAL)
    assert (rpo.ns is None) == bool(rpo.why)
    if rpo.ns == 0:
        assert not gone
        assert found


def test_a_loss_without_an_outage_is_not_measured() -> None:
    row = ticks(10 * [(INTERVAL, 0, True)])
    assert "no outage" in books.rpo(row, frozenset(), [], interval_ns=INTERVAL).why
    assert "no outage" in books.rpo(row, frozenset({3}), [], interval_ns=INTERVAL).why


def test_a_loss_belongs_to_the_outage_that_followed_it() -> None:
    up, down = 10 * [(INTERVAL, 0, True)], 5 * [(INTERVAL, 0, False)]
    row = ticks([*up, *down, *up, *down, *up])
    first, second = watched(row)
    ack = {tick.seq: tick.done_ns for tick in row}
    assert books.rpo(row, frozenset({8}), [first, second], interval_ns=INTERVAL).ns == first.start_ns - ack[8]
    assert books.rpo(row, frozenset({20}), [first, second], interval_ns=INTERVAL).ns == second.start_ns - ack[20]
    assert books.rpo(row, frozenset({8, 20}), [first, second], interval_ns=INTERVAL).ns == max(
        first.start_ns - ack[8], second.start_ns - ack[20]
    )
    assert books.rpo(row, frozenset({8, 38}), [first, second], interval_ns=INTERVAL).ns is None


@pytest.mark.parametrize(
    ("error", "named"),
    [
        ("[Errno 111] Connect call failed ('127.0.0.1', 1)", "refused"),
        ("port 5432: Connection refused; port 5433: Connection refused", "refused"),
        ("[Errno 104] Connection reset by peer", "reset"),
        ("no answer within 1 s", "timeout"),
        ("no connection within 0.4 s", "timeout"),
        ("HTTP 503, not 200: [Errno 111] from the database", "error status"),
        ("the answer broke off after 0 bytes of a part", "torn answer"),
        ("the server closed the connection instead of answering SET", "torn answer"),
        ("57P03: the database system is starting up", "error"),
        ("[Errno -2] Name or service not known", "unknown host"),
        (NOT_SENT, "lagged"),
        (None, "error"),
    ],
)
def test_a_failure_has_a_kind(error: str | None, named: str) -> None:
    assert kind(error) == named
