"""Fail closed: while something cannot be put back, nothing more is injected, until it can or somebody takes it on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollback import __main__ as button
from rollback import emergency, guard, journal, marks
from rollback import stop as stopping
from rollback.arming import Permit
from targets import labs
from tests.fakes import FakeTarget, install


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTarget:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(labs, "standing", tuple)
    monkeypatch.setattr(stopping, "IN_FLIGHT_S", 0.01)
    fake = FakeTarget()
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def session(target: FakeTarget) -> Iterator[guard.Session]:
    with guard.Session(permit=Permit(), drill="a-drill") as opened:
        yield opened
        target.broken = set()


@pytest.fixture
def broken(session: guard.Session, target: FakeTarget) -> journal.Injection:
    """Give an injection that cannot be healed."""
    record = guard.inject(session, target, "partition", source="a", destination="c")
    target.broken = {"uncut"}
    assert session.stop(by="test").failed
    return record


def test_it_shuts_the_door_for_every_target_and_every_session(
    broken: journal.Injection, session: guard.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeTarget(address="fake:two")
    other_session = guard.Session(permit=Permit(), watchdog=session.watchdog)
    for each in (session, other_session):
        with pytest.raises(guard.Refused, match="was not put back"):
            guard.inject(each, other, "kill", component="a")
    assert "kill" not in other.calls


def test_the_next_session_does_not_begin(broken: journal.Injection, session: guard.Session) -> None:
    (path,) = (journal.home() / "open").iterdir()
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "owner": {**data["owner"], "started": 1}}))  # its owner has died
    with pytest.raises(stopping.StopFailed, match="uncut is broken") as failed, guard.Session(permit=Permit()):
        pass
    assert f"attach('fake:one').uncut('{broken.plan['cuts'][0]['id']}')".replace("'", "'\"'\"'") in str(failed.value)
    path.write_text(json.dumps(data))


def test_a_full_disk_does_not_make_it_forget(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")
    target.broken = {"uncut"}
    with monkeypatch.context() as patched:
        patched.setattr(journal, "put", _full)
        assert session.stop(by="test").failed
    assert not journal.open_records()[0][0].broken  # the record could not be told
    with pytest.raises(guard.Refused, match="was not put back"):
        guard.inject(session, FakeTarget(address="fake:two"), "kill", component="a")


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_stop_that_succeeds_opens_it_again(
    broken: journal.Injection, session: guard.Session, target: FakeTarget
) -> None:
    target.broken = set()
    assert session.stop(by="test").failed == ()
    guard.inject(session, target, "kill", component="a")


def test_somebody_may_take_it_on_and_is_kept_in_the_record_and_the_report(
    broken: journal.Injection, session: guard.Session, target: FakeTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    assert button.main(["stop", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert any("uncut" in command for command in told["by_hand"])
    assert len(journal.open_records()[0]) == 1
    assert button.main(["stop", "--force", "--reason", "the network is rebuilt anyway", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert journal.open_records() == ((), ())
    closed = journal.read(journal.home() / "closed" / f"{broken.id}.json")
    assert closed.forced == f"{marks.person()}: the network is rebuilt anyway"
    assert closed.healed_at_ns is None
    assert any(broken.id in line for step in told["steps"] if "give up" in step["name"] for line in step["did"])
    assert told["reason"] == "the network is rebuilt anyway"
    fresh = guard.Session(permit=Permit(), watchdog=session.watchdog, born_ns=session.born_ns + (1 << 60))
    guard.inject(fresh, target, "kill", component="a")


def test_force_sets_aside_what_nobody_can_read(target: FakeTarget) -> None:
    mangled = journal.home() / "open" / "torn.json"
    mangled.write_text('{"id": "to')
    order = emergency.Order(by=marks.person(), reason="looked at it", force=True)
    report = emergency.stop(order)
    assert "torn.json" in report.failed[0]
    assert journal.open_records() == ((), ())
    (aside,) = (journal.home() / "closed").glob("torn.json*")
    assert aside.read_text() == '{"id": "to'
    assert emergency.stop(order).clean


def test_the_button_shuts_the_door_of_whoever_is_at_it(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "stress", component="a", seconds=5)
    report = emergency.stop(emergency.Order(by=marks.person(), reason="enough"))
    assert [record.fault for record in report.healed] == ["stress"]
    assert report.steps[0].did == (f"drill a-drill of pid {session.owner.pid} is told",)
    with pytest.raises(guard.Refused, match=r"not injecting: stopped by hand by .*: enough; begin anew"):
        guard.inject(session, target, "kill", component="a")
    assert "kill" not in target.calls


def test_one_kind_stops_its_kind_only(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "stress", component="a", seconds=5)
    cut = guard.inject(session, target, "partition", source="a", destination="c")
    report = emergency.stop(emergency.Order(by=marks.person(), only="partition"))
    assert [record.id for record in report.healed] == [cut.id]
    assert [record.fault for record in journal.open_records()[0]] == ["stress"]
    guard.inject(session, target, "kill", component="a")
    with pytest.raises(guard.Refused, match="stopped by hand"):
        guard.inject(session, target, "delay", source="a", destination="a", seconds=0.1)
    assert session.stopped() is None


def test_a_stop_that_comes_while_the_record_is_written_lets_nothing_through(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = journal.write

    def pressed(record: journal.Injection) -> None:
        monkeypatch.setattr(journal, "write", written)
        emergency.stop(emergency.Order(by=marks.person()))
        written(record)

    monkeypatch.setattr(journal, "write", pressed)
    with pytest.raises(guard.Refused, match="stopped by hand"):
        guard.inject(session, target, "partition", source="a", destination="c")
    assert "cut" not in target.calls
    assert journal.open_records() == ((), ())


def test_a_stop_that_comes_while_it_is_injected_leaves_nothing(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = target.cut

    def pressed(rule: object) -> None:
        emergency.stop(emergency.Order(by=marks.person()))
        cut(rule)  # type: ignore[arg-type]

    monkeypatch.setattr(target, "cut", pressed)
    with pytest.raises(guard.Refused, match="stopped by hand"):
        guard.inject(session, target, "partition", source="a", destination="c")
    assert not target.rules
    assert journal.open_records() == ((), ())
