"""10,000 records, of targets that do not exist any more: every verb is linear in them, and none is lost."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from rollback import __main__ as button
from rollback import journal
from targets import labs
from tests.test_journal_records import RECORD

FEW, MANY = 250, 1_000
VERY_MANY = 10_000


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, int], Path]:
    monkeypatch.setattr(labs, "standing", tuple)

    def made(name: str, count: int) -> Path:
        monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / name))
        folder = journal.home() / "open"
        for number in range(count):
            record = replace(RECORD, id=f"{number:06}-left", target=f"local:/nowhere/lab-{number % (count // 2)}")
            (folder / f"{record.id}.json").write_text(json.dumps(asdict(record)))
        return folder.parent

    return made


def cost_s(argv: list[str]) -> float:
    """Say how much processor time a verb takes: other processes do not count."""
    began = time.process_time()
    assert button.main(argv) in (0, 1)
    return time.process_time() - began


@pytest.mark.parametrize("verb", ["list", "verify", "stop"])
def test_four_times_as_many_cost_four_times_as_much(
    state: Callable[[str, int], Path], verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [verb] if verb != "stop" else ["stop", "--wait", "0"]
    few, many = [], []
    for trial in range(2):
        state(f"few-{trial}", FEW)
        few.append(cost_s(argv))
        state(f"many-{trial}", MANY)
        many.append(cost_s(argv))
    assert min(many) < 2.5 * (MANY / FEW) * min(few), (few, many)  # quadratic would be 16 times


@pytest.mark.nightly
def test_ten_thousand_are_listed_and_closed(
    state: Callable[[str, int], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = state("all", VERY_MANY)
    assert button.main(["list"]) == 1
    assert capsys.readouterr().out.count("\n") == VERY_MANY
    assert button.main(["stop", "--wait", "0"]) == 0
    assert len(list((folder / "closed").glob("*.json"))) == VERY_MANY
    assert journal.open_records() == ((), ())


def test_a_half_written_record_of_one_who_is_dead_and_not_buried_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    with subprocess.Popen([sys.executable, "-c", "pass"]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        dead, living = (journal.home() / "open" / f".x.json.{pid}" for pid in (zombie.pid, os.getpid()))
        dead.touch()
        living.touch()
        journal.tidy()
        assert not dead.exists()
        assert living.exists()
