"""The red button in a bare process: what it imports, what it reports, and that it keeps what it reports."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rollback import __main__ as button
from rollback import journal, marks
from targets import labs

ROOT = Path(__file__).parent.parent
HEAVY = {"pytest", "_pytest", "chaoslib", "chaostoolkit", "pydantic"}


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(labs, "standing", tuple)
    return tmp_path / "state"


@pytest.mark.parametrize("verb", ["stop", "list", "verify"])
def test_it_needs_neither_pytest_nor_chaostoolkit(state: Path, verb: str) -> None:
    script = f"import sys, rollback.__main__ as b; code = b.main(['{verb}']); print(*sys.modules); sys.exit(code)"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(state.parent)}
    ran = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    imported = {name.partition(".")[0] for name in ran.stdout.splitlines()[-1].split()}
    assert "rollback" in imported
    assert not HEAVY & imported


@pytest.mark.parametrize("verb", ["stop", "list", "verify"])
def test_whoever_reads_no_further_still_gets_the_exit_status(state: Path, verb: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(state.parent)}
    read, write = os.pipe()
    os.close(read)
    argv = [sys.executable, "-m", "rollback", verb]
    ran = subprocess.run(argv, env=env, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_report_is_kept_and_says_who_when_and_why(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert button.main(["stop", "--json", "--reason", "tried"]) == 0
    said = json.loads(capsys.readouterr().out)
    (kept,) = (state / "stops").iterdir()
    assert json.loads(kept.read_text()) == said
    assert said["by"]["pid"] == os.getpid()
    assert said["by"]["uid"] == os.getuid()
    assert said["by"]["host"]
    assert said["at"].endswith("+00:00")
    assert said["reason"] == "tried"
    assert [step["number"] for step in said["steps"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert said["steps"][-1]["did"] == [str(kept)]
    assert [point["number"] for point in said["health"]] == [1, 2, 3, 4, 5, 6]


def test_one_kind_takes_its_own_step_only(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert button.main(["stop", "--only", "failover", "--json"]) == 0
    names = [step["name"] for step in json.loads(capsys.readouterr().out)["steps"]]
    assert names == [
        "stop injecting failover",
        "put back killed and lost nodes",
        "look at six points",
        "keep the report",
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--only", "meteor"], "--only meteor: no such kind of fault; there are partition, kill, stress, dependency"),
        (["--force"], "--force gives up what cannot be put back; say why by --reason"),
    ],
)
def test_bad_input_is_one_line(state: Path, options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert button.main(["stop", *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"rollback: {says}")
    assert said.count("\n") == 1
    assert not state.exists()


def test_a_mark_speaks_to_those_who_were_there_before_it(state: Path) -> None:
    before = marks.BORN_NS
    assert marks.since(before) is None
    marks.leave(by=marks.person(), reason="tried", only="partition")
    assert marks.since(before) is None
    assert "tried" in str(marks.since(before, "delay"))
    assert marks.since(before, "kill") is None
    marks.leave(by=marks.person(), reason="", only=None)
    assert str(marks.since(before, "kill")).startswith(f"by hand by {marks.person()} at ")
    later = max(mark["at_ns"] for mark in json.loads((state / marks.FILE).read_text()).values()) + 1
    assert marks.since(later, "delay") is None


@pytest.mark.parametrize("mangled", ["{", "[]", '{"everything": 1}', "\x00"])
def test_a_mark_that_cannot_be_read_stops_everybody(state: Path, mangled: str) -> None:
    (journal.home() / marks.FILE).write_text(mangled)
    assert "cannot be read" in str(marks.since(marks.BORN_NS))


def test_a_mark_of_another_boot_is_over(state: Path) -> None:
    (journal.home() / marks.FILE).write_text(json.dumps({"everything": {"at_ns": 1 << 62, "boot": "another"}}))
    assert marks.since(marks.BORN_NS) is None
