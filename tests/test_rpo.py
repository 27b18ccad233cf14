"""The judge on RPO: what was confirmed and cannot be read back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.ledgers import books
from reports.shapes import FinalRead, Write
from tests.rules import API, Rule, hold, of
from tests.runfolder import OUTAGE, acked, between, final_read, objective, writes

# One change each to a drill that is otherwise met, the verdict it must lead to, and what the first reason says.
RULES: dict[str, Rule] = {
    "lost": ({"final_read": final_read(acked(writes(down=OUTAGE))[1:])}, "missed", "1 of 300 acknowledged writes"),
    "unexpected": (
        {"final_read": final_read([*acked(writes(down=OUTAGE)), 777])},
        "missed",
        "orders holds 1 row that nobody wrote",
    ),
    "final read incomplete": (
        {"final_read": final_read([], complete=False, error="timeout")},
        "unknown",
        "RPO not measured: the final read of orders is not complete: timeout",
    ),
    "no final read of the ledger": (
        {"final_read": {}},
        "unknown",
        "RPO not measured: there is no final read of orders",
    ),
    "loss too close": (
        {
            "objective": objective(rpo_s=0.06),
            "final_read": final_read([s for s in acked(writes(down=OUTAGE)) if s not in (98, 99)]),
        },
        "unknown",
        "too close to call: 2 of 300 acknowledged writes",
    ),
    "duplicates": (
        {"final_read": final_read([1, *acked(writes(down=OUTAGE))])},
        "met",
        "served again",
    ),
    "no ledger, no RPO": (
        {"objective": objective(**API), "writes": None, "final_read": None},
        "met",
        "served again after 1.10 ± 0.03 s (objective 2 s), put back",
    ),
    "loss within the objective": (
        {
            "objective": objective(rpo_s=5),
            "final_read": final_read([s for s in acked(writes(down=OUTAGE)) if s not in (98, 99)]),
        },
        "met",
        "2 of 300 acknowledged writes lost (objective 5 s)",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, tmp_path: Path) -> None:
    hold(RULES[name], tmp_path)


@pytest.mark.parametrize(
    ("lost", "rpo_s"),
    [
        ([96], 0.098),  # acked 98 ms before the fault
        ([101], 0.02),  # acked after the fault: never less than an interval
        ([101, 104], 0.06),  # the span of the loss
        ([96, 104], 0.098 + 0.062),
    ],
)
def test_no_loss_looks_like_none(lost: list[int], rpo_s: float, tmp_path: Path) -> None:
    rows = writes(down=OUTAGE)
    outcome = of(tmp_path, writes=rows, final_read=final_read([s for s in acked(rows) if s not in lost]))
    assert outcome.verdict == "missed"
    assert outcome.writes.lost == len(lost)
    assert outcome.rpo_s == pytest.approx(rpo_s)


def test_an_idle_ledger_measures_no_rpo(tmp_path: Path) -> None:
    """Its writes were all refused for two seconds before the fault; the stream was fine."""
    rows = writes(down=between((-9, 0.4)))
    outcome = of(tmp_path, objective=objective(streams=["api"]), writes=rows)
    assert "RPO not measured: orders had no write confirmed right before the fault" in outcome.why
    assert outcome.rpo_s is None


def test_unanswered_writes_are_recovered_or_not_but_never_lost(tmp_path: Path) -> None:
    rows = writes(down=OUTAGE, outcome="unknown")
    silent = [row["seq"] for row in rows if row["outcome"] == "unknown"]
    outcome = of(tmp_path, writes=rows, final_read=final_read(acked(rows) + silent[:3]))
    assert outcome.met
    assert (outcome.writes.unknown, outcome.writes.recovered, outcome.writes.lost) == (50, 3, 0)


OUTCOMES = st.lists(st.sampled_from(["acked", "failed", "unknown"]), max_size=40)


@given(OUTCOMES, st.lists(st.integers(1, 60), max_size=60))
def test_the_books_are_a_partition(outcomes: list[str], read: list[int]) -> None:
    rows = [
        Write(ledger="l", seq=seq, intended_ns=seq, sent_ns=seq, done_ns=seq, outcome=outcome)  # type: ignore[arg-type]
        for seq, outcome in enumerate(outcomes, 1)
    ]
    closed = books(rows, FinalRead(complete=True, seqs=tuple(read)))
    assert closed.lost is not None
    assert closed.recovered is not None
    assert closed.unexpected is not None
    kept = {w.seq for w in rows if w.outcome == "acked"} - closed.lost
    parts = [kept, closed.recovered, closed.unexpected]
    assert set(read) == set().union(*parts)
    assert len(set(read)) == sum(map(len, parts))  # disjoint
    assert len(read) == sum(map(len, parts)) + (closed.duplicates or 0)
    assert not closed.lost & set(read)
    assert closed.acked + closed.unknown + outcomes.count("failed") == closed.attempted


def test_an_incomplete_read_says_nothing() -> None:
    closed = books([], FinalRead(complete=False, seqs=(1,)))
    assert (closed.lost, closed.recovered, closed.unexpected, closed.duplicates) == (None, None, None, None)
