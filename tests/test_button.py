"""The red button from the shell: what it says, and its exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollback import __main__ as button
from rollback import guard, journal
from rollback.arming import Permit
from targets import labs
from tests.fakes import FakeTarget, install


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTarget:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(labs, "standing", tuple)
    fake = FakeTarget()
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def hurt(target: FakeTarget) -> Iterator[FakeTarget]:
    """Give a target with one node killed, by a session that is still at it."""
    with guard.Session(permit=Permit(), drill="a-drill") as session:
        guard.inject(session, target, "kill", component="a")
        yield target
        target.broken = set()


def test_a_clean_machine(target: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    assert button.main(["verify"]) == 0
    seen = capsys.readouterr().out.splitlines()
    assert seen[0].split()[-1] == "ok"
    assert seen[-1].startswith("clean: looked at")
    assert button.main(["list"]) == 0
    assert capsys.readouterr().out == "nothing is open\n"
    assert button.main(["stop"]) == 0
    assert "nothing was open" in capsys.readouterr().out


def test_what_is_open_is_named(hurt: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    assert button.main(["list"]) == 1
    listed = capsys.readouterr().out
    for word in ("kill", "a-1, a-2", "fake:one", "a-drill", "alive"):
        assert word in listed
    assert button.main(["verify", "--json"]) == 1
    assert "open: kill of a-1, a-2" in json.loads(capsys.readouterr().out)["problems"][0]


def test_stop_puts_back_what_others_broke(hurt: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    assert button.main(["stop", "--json", "--reason", "tried"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [record["healed_by"] for record in said["healed"]] == ["by hand: tried"]
    assert said["clean"]
    assert None not in hurt.running.values()


def test_a_stop_that_fails_says_so(hurt: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    hurt.broken = {"start"}
    assert button.main(["stop"]) == 1
    said = capsys.readouterr().out
    assert "NOT HEALED: kill of a-1, a-2" in said
    assert "start is broken" in said
    assert "NOT CLEAN" in said


def test_what_no_record_explains_is_seen(target: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    target.rules.add("partition-of-somebody")
    assert button.main(["verify", "--target", "fake:one"]) == 1
    assert "fake:one: cut partition-of-somebody is in force" in capsys.readouterr().out


def test_a_target_that_is_not_there_is_no_clean_one(target: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    target.gone = True
    assert button.main(["verify", "--target", "fake:one"]) == 1
    assert "fake:one: is not there" in capsys.readouterr().out


def test_a_record_nobody_can_read_is_not_clean(target: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    (journal.home() / "open" / "other.json").write_text("[]")
    for verb in ("list", "verify", "stop"):
        assert button.main([verb]) == 1
        assert "other.json" in capsys.readouterr().out


def test_a_state_folder_that_cannot_be_is_one_line(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "file" / "state"))
    assert button.main(["verify"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "DRILLYARD_STATE" in said
