"""Drills on one shared lab: two sessions, or the workers of one, play them one after the other."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from rollback import lock, stop
from targets import places
from targets.target import Target
from tests.interrupting import Session, session
from tests.test_interrupt import MOMENTS

API = ("drills/test_api.py",)


def played(*sessions: Session) -> list[tuple[int, int, str]]:
    """List when each drill began and was judged, the earliest first."""
    folders = [path.parent for ran in sessions for path in ran.run.glob("*/stamps.json")]
    stamps = [(json.loads((folder / "stamps.json").read_text()), folder.name) for folder in folders]
    return sorted((each["called_ns"], each["judged_ns"], name) for each, name in stamps)


def check_one_after_the_other(*sessions: Session, count: int) -> None:
    intervals = played(*sessions)
    assert len(intervals) == count
    for (_, ended, _), (began, _, _) in pairwise(intervals):
        assert began > ended, intervals
    for ran in sessions:
        for outcome in ran.outcomes().values():
            assert outcome["verdict"] == "met", outcome


def test_two_sessions_take_turns(target: Target, tmp_path: Path) -> None:
    first_drill, second_drill = ("-k", "cut_off or every_replica_killed"), ("-k", "cut_off")
    options = ("--target", target.address)
    with session(tmp_path / "a", *options, *first_drill, in_terminal=False, drills=API) as first:
        assert first.until(lambda: MOMENTS["the fault is in force"](first)), first.out
        with session(tmp_path / "b", *options, *second_drill, in_terminal=False, drills=API) as second:
            assert first.end() == second.end() == 0, first.out + second.out
            check_one_after_the_other(first, second, count=3)
            assert f"waiting for {target.address}: drill " in second.out
            assert f"(pid {first.process.pid}, since " in second.out
    assert not places.lock_file(target.address).exists()
    assert stop.residue(target) == []


def test_workers_take_turns(target: Target, tmp_path: Path) -> None:
    options = ("--target", target.address, "-n", "2", "-k", "cut_off or every_replica_killed")
    with session(tmp_path / "s", *options, in_terminal=False, drills=API) as ran:
        assert ran.end() == 0, ran.out
        check_one_after_the_other(ran, count=2)
        assert "] waiting for local:" in ran.out
    assert stop.residue(target) == []


def test_patience_ends_with_one_line(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lock.VARIABLE, "0.5")
    found = lock.take(target.address)
    lock.sign(found, "somebody-elses")
    try:
        with session(tmp_path / "s", "--target", target.address, "-k", "cut_off", in_terminal=False) as ran:
            assert ran.end() == 1
            assert f"not drilling: {target.address}: drill somebody-elses of " in ran.out
            assert "Traceback" not in ran.out
            assert ran.outcomes() == {}
    finally:
        lock.give_back(target.address)
