"""Records from anywhere: older, newer, mangled, foreign. Never a traceback, a lost record, a heal of something else."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rollback import __main__ as button
from rollback import guard, journal, records
from rollback.arming import Permit
from targets import labs
from targets.target import BadInput
from tests.fakes import FakeTarget, install

RECORD = journal.Injection(
    id="1-a-drill-2",
    drill="a-drill",
    fault="partition",
    target="fake:one",
    plan={"victims": ["a-1"], "cuts": [{"id": "partition-1"}]},
    owner=journal.Owner(pid=1, started=1, boot="another"),
    folder=None,
    planned_at_ns=1,
    inject_started_ns=1,
    expires_at_ns=1,
    injected_at_ns=1,
)
GOOD: dict[str, Any] = json.loads(json.dumps(asdict(RECORD)))


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


MANGLED: dict[str, tuple[object, str]] = {
    "newer": ({**GOOD, "version": 2}, "version is 2, this program's is 1"),
    "no version": ({**GOOD, "version": "1"}, "version is '1'"),
    "true version": ({**GOOD, "version": True}, "version is True"),
    "a list": ([GOOD], "not a JSON object"),
    "null": (None, "it is None, not a JSON object"),
    "no plan": (without("plan"), "plan is missing"),
    "no owner": (without("owner"), "owner is missing"),
    "no target": (without("target"), "target is missing"),
    "plan a list": ({**GOOD, "plan": ["a-1"]}, r"plan is \['a-1'\]"),
    "no victims": ({**GOOD, "plan": {"cuts": []}}, "plan.victims is None"),
    "nobody": ({**GOOD, "plan": {"victims": []}}, r"plan.victims is \[\]"),
    "victims a text": ({**GOOD, "plan": {"victims": "a-1"}}, "plan.victims is 'a-1'"),
    "victims numbers": ({**GOOD, "plan": {"victims": [1]}}, r"plan.victims is \[1\]"),
    "pid a text": ({**GOOD, "owner": {**GOOD["owner"], "pid": "self/.."}}, "pid is 'self/..'"),
    "pid missing": ({**GOOD, "owner": {"started": 1, "boot": "x"}}, "pid is missing"),
    "owner a number": ({**GOOD, "owner": 4}, "owner is 4, not an object"),
    "stamp a text": ({**GOOD, "expires_at_ns": "soon"}, "expires_at_ns is 'soon'"),
    "stamp a float": ({**GOOD, "expires_at_ns": 1.5}, "expires_at_ns is 1.5"),
    "flag a number": ({**GOOD, "prepares": 1}, "prepares is 1"),
    "residue numbers": ({**GOOD, "residue": [1]}, r"residue is \[1\]"),
    "folder a number": ({**GOOD, "folder": 7}, "folder is 7"),
    "another id": ({**GOOD, "id": "other"}, "id is 'other', and the file is called '1-a-drill-2'"),
    "a way out": ({**GOOD, "id": "../closed/1-a-drill-2"}, "the file is called '1-a-drill-2'"),
    "long": ({**GOOD, "target": ["x" * 500]}, r"target is \['x{58}\.\.\."),
}


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTarget:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(labs, "standing", tuple)
    fake = FakeTarget(rules={"partition-1", "partition-2"})
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def path(target: FakeTarget) -> Path:
    """Give the place of the record in `open/`."""
    return journal.home() / "open" / "1-a-drill-2.json"


def check_left_alone(path: Path, target: FakeTarget, says: str) -> None:
    """Hold every verb, the door and the next start against a record that cannot be read."""
    with pytest.raises(records.NotOurs, match=says) as wrong:
        journal.read(path)
    assert str(path) in str(wrong.value)
    assert "stop --force --reason WHY" in str(wrong.value)
    for verb in (["list"], ["verify"], ["stop", "--wait", "0"]):
        assert button.main(verb) == 1
    with pytest.raises(Exception, match="could not put everything back"), guard.Session(permit=Permit()):
        pass
    assert target.rules == {"partition-1", "partition-2"}
    assert os.path.lexists(path)


@pytest.mark.parametrize("name", MANGLED)
def test_a_mangled_one_stays_where_it_is(path: Path, target: FakeTarget, name: str) -> None:
    data, says = MANGLED[name]
    path.write_text(json.dumps(data))
    before = path.read_bytes()
    check_left_alone(path, target, says)
    assert path.read_bytes() == before


PLANTED: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.touch(), "Expecting value"),
    "torn": (lambda path: path.write_text(json.dumps(GOOD)[:-5]), "delimiter|Expecting"),
    "binary": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "codec"),
    "deep": (lambda path: path.write_text("[" * 100_000), "recursion|RecursionError"),
    "huge": (lambda path: path.write_text(" " * (records.LARGEST + 1)), "more than"),
    "a folder": (lambda path: path.mkdir(), "directory|no file"),
    "a fifo": (os.mkfifo, "no file"),
    "a symlink": (lambda path: path.symlink_to("/etc/passwd"), "symbolic links"),
    "dangling": (lambda path: path.symlink_to("/nowhere"), "symbolic links"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_no_record_at_all_stays_too(path: Path, target: FakeTarget, name: str) -> None:
    plant, says = PLANTED[name]
    plant(path)
    check_left_alone(path, target, says)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can write as another user")
def test_one_that_another_user_wrote_is_not_believed(
    path: Path, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(json.dumps(GOOD))
    os.chown(path, 65534, 65534)
    check_left_alone(path, target, "it was written by nobody")
    os.chown(journal.home() / "open", 65534, 65534)  # in his own folder, it is his own record: root may stop for him
    assert button.main(["stop", "--wait", "0"]) == 0
    assert target.rules == {"partition-2"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can write as another user")
def test_what_root_writes_in_somebodys_folder_is_his(path: Path, target: FakeTarget) -> None:
    for folder in (path.parent, path.parent.parent / "closed"):
        os.chown(folder, 65534, 65534)
    journal.write(RECORD)
    assert path.stat().st_uid == 65534
    assert button.main(["stop", "--wait", "0"]) == 0
    assert (path.parent.parent / "closed" / path.name).stat().st_uid == 65534


@pytest.mark.parametrize("data", [without("version"), {**GOOD, "more": {"of": ["it"]}}], ids=["older", "extra"])
def test_one_that_can_be_understood_is_healed(path: Path, target: FakeTarget, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data))
    assert button.main(["stop", "--wait", "0"]) == 0
    assert target.rules == {"partition-2"}
    assert journal.read(path.parent.parent / "closed" / path.name).version == records.VERSION


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"fault": "meteor"}, "no fault is called 'meteor'"),
        ({"plan": {"victims": ["a-1"]}}, "its plan is not one that the fault understands (KeyError: 'cuts')"),
        ({"plan": {"victims": ["a-1"], "cuts": 4}}, "its plan is not one that the fault understands (TypeError"),
        ({"target": "meteor:one"}, "no target is called 'meteor'"),
        ({"target": "../../etc"}, "no target is called"),
        ({"target": "local:relative/../.."}, None),
        ({"target": "local:/nowhere"}, None),
    ],
)
def test_one_that_cannot_be_healed_stays_open_and_one_whose_target_is_gone_does_not(
    path: Path, target: FakeTarget, changes: dict[str, Any], says: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(json.dumps({**GOOD, **changes}))
    assert button.main(["stop", "--wait", "0"]) == (1 if says else 0)
    said = capsys.readouterr().out
    assert path.exists() == (says is not None)
    assert (says or "healed") in said
    assert target.rules == {"partition-1", "partition-2"}
    for verb in ("list", "verify"):
        assert button.main([verb]) == (1 if says else 0)


def test_a_folder_that_cannot_be_listed_is_not_empty(target: FakeTarget, capsys: pytest.CaptureFixture[str]) -> None:
    folder = journal.home() / "open"
    folder.rmdir()
    folder.write_text("")
    with pytest.raises(BadInput, match="cannot read the records of open faults there"):
        journal.open_records()
    for verb in ("list", "verify", "stop"):
        assert button.main([verb]) == 2
        assert capsys.readouterr().err.count("\n") == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.sampled_from(sorted(GOOD)), value=VALUES, inside=st.booleans())
def test_whatever_stands_in_a_field_it_is_read_or_refused(
    tmp_path: Path, key: str, value: object, inside: bool
) -> None:
    data = {**GOOD, "owner": {**GOOD["owner"], "pid": value}} if inside else {**GOOD, key: value}
    path = tmp_path / "1-a-drill-2.json"
    path.write_text(json.dumps(data))
    try:
        found = journal.read(path)
    except records.NotOurs:
        return
    assert json.loads(json.dumps(asdict(found))) == {**data, "version": 1}
    assert isinstance(found.owner.alive(), bool)
    assert found.victims
    assert replace(found) == found
