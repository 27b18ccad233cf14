"""Ctrl-C at any moment undoes everything and still writes the run: real sessions in terminals and pipes."""

import json
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rollback import stop as stopping
from targets.target import Target
from tests import slow_undo
from tests.interrupting import Session, check, session

REDIS = ("drills/test_redis.py", "drills/test_api.py")  # the first undo takes half a second


def records(ran: Session) -> list[dict[str, object]]:
    """Read the open records; one that is being closed at this moment does not count."""
    found = []
    for path in (ran.folder / "state" / "open").glob("*.json"):
        try:
            found.append(json.loads(path.read_text()))
        except FileNotFoundError:
            continue
    return found


MOMENTS: dict[str, Callable[[Session], object]] = {
    "before anything": lambda ran: ran.run.exists() or "rootdir" in ran.out,
    "before the fault": lambda ran: list(ran.run.glob("*/samples.jsonl")),
    "the fault is being injected": records,
    "the fault is in force": lambda ran: [r for r in records(ran) if r["injected_at_ns"]],
    "in the undo": lambda ran: [r for r in records(ran) if r["heal_started_ns"]],
    "after the undo": lambda ran: [a for a in ran.activities() if a["phase"] == "rollbacks"],
    "the final read": lambda ran: list(ran.run.glob("*/final_read.json")),
    "judged": lambda ran: list(ran.run.glob("*/outcome.json")),
    "between drills": lambda ran: list(ran.run.glob("*/stamps.json")),
    "in the second drill": lambda ran: len(list(ran.run.glob("*/samples.jsonl"))) > 1,
}


@pytest.mark.parametrize(
    "in_terminal", [True, pytest.param(False, marks=pytest.mark.nightly)], ids=["terminal", "pipe"]
)
@pytest.mark.parametrize("moment", MOMENTS)
def test_interrupted(target: Target, tmp_path: Path, moment: str, in_terminal: bool) -> None:
    """Twice in a row where something is being put back, for impatience must not leave anything."""
    with session(tmp_path / "s", "--target", target.address, in_terminal=in_terminal, drills=REDIS) as ran:
        assert ran.until(lambda: MOMENTS[moment](ran)), ran.out
        ran.interrupt()
        if moment in ("in the undo", "the fault is in force", "judged"):
            time.sleep(0.05)
            ran.interrupt()
        check(ran)
        outcomes = ran.outcomes()
        under_way = [name for name, outcome in outcomes.items() if outcome["why"][0] == "interrupted"]
        assert len(under_way) <= 1
        if moment in ("the fault is in force", "in the undo"):
            assert under_way
    assert stopping.residue(target) == []


def test_while_the_first_records_are_written(target: Target, tmp_path: Path) -> None:
    options = ("-p", "tests.early_interrupt", "--target", target.address)
    with session(tmp_path / "s", *options, in_terminal=False, drills=REDIS) as ran:
        check(ran)
        assert [outcome["why"][0] for outcome in ran.outcomes().values()] == ["interrupted"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_deaths_that_can_be_heard(target: Target, tmp_path: Path, number: signal.Signals) -> None:
    with session(tmp_path / "s", "--target", target.address, in_terminal=False, drills=REDIS) as ran:
        assert ran.until(lambda: MOMENTS["the fault is in force"](ran))
        ran.interrupt(number)
        check(ran)
    assert stopping.residue(target) == []


@pytest.mark.parametrize("in_terminal", [True, False], ids=["terminal", "pipe"])
def test_while_the_lab_starts(tmp_path: Path, in_terminal: bool) -> None:
    with session(tmp_path / "s", in_terminal=in_terminal) as ran:
        assert ran.until(lambda: list(ran.tmp.glob("drillyard-*/lab-*/doors.json")))
        ran.interrupt()
        check(ran)


@pytest.mark.parametrize("in_terminal", [True, False], ids=["terminal", "pipe"])
def test_workers_get_to_put_back_and_to_write(tmp_path: Path, in_terminal: bool) -> None:
    """In a pipe only the master hears of it: pytest-xdist would kill its workers in the middle of their undo."""
    drills = ("drills/test_redis.py", "drills/test_postgres.py")
    with session(tmp_path / "s", "-n", "2", in_terminal=in_terminal, drills=drills) as ran:
        assert ran.until(lambda: len([r for r in records(ran) if r["injected_at_ns"]]) == 2), ran.out
        ran.interrupt()
        check(ran)
        assert [outcome["why"][0] for outcome in ran.outcomes().values()] == ["interrupted"] * 2
        assert all(injection["healed_by"] for outcome in ran.outcomes().values() for injection in outcome["injections"])


def test_workers_get_longer_than_xdist_would_give_them(target: Target, tmp_path: Path) -> None:
    options = ("-n", "1", "-p", "tests.slow_undo", "--target", target.address, "-k", "cut_off")
    with session(tmp_path / "s", *options, in_terminal=False) as ran:
        assert ran.until(lambda: MOMENTS["the fault is in force"](ran)), ran.out
        ran.interrupt()
        check(ran)
        (outcome,) = ran.outcomes().values()
        assert outcome["put_back"]
        assert outcome["undo_s"] > slow_undo.TAKES_S
        assert {injection["healed_by"] for injection in outcome["injections"]} <= {"rollback", "teardown"}
    assert stopping.residue(target) == []


@pytest.mark.parametrize("trial", [0, *(pytest.param(trial, marks=pytest.mark.nightly) for trial in (1, 2))])
def test_at_a_random_moment(tmp_path: Path, trial: int) -> None:
    wait_s = random.uniform(0, 14)
    with session(tmp_path / "s", in_terminal=bool(trial % 2)) as ran:
        assert ran.until(lambda: "test session starts" in ran.out), ran.out  # before that, only Python itself hears it
        began = time.monotonic()
        ran.until(lambda: time.monotonic() - began > wait_s)
        ran.interrupt()
        check(ran)
