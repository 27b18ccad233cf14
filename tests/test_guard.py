"""The door and the stop against a fake target that fails, lies and vanishes at each call."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rollback import actions, guard, journal
from rollback import stop as stopping
from rollback.arming import Permit
from targets.target import BadInput, DrillyardError, TargetError
from tests.fakes import FakeTarget, install


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTarget:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(stopping, "IN_FLIGHT_S", 0.01)
    fake = FakeTarget()
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def session(target: FakeTarget, tmp_path: Path) -> Iterator[guard.Session]:
    """Open a session whose watchdog is real; its target lives in this process only, so it must find nothing to do."""
    with guard.Session(permit=Permit(), folder=tmp_path) as opened:
        yield opened
        target.__init__()  # type: ignore[misc]  # whatever the test broke, the end of the session can heal


def is_open() -> list[str]:
    return [record.id for record in journal.open_records()[0]]


def test_a_fault_is_recorded_bites_is_healed_and_closed(session: guard.Session, target: FakeTarget) -> None:
    record = guard.inject(session, target, "partition", source="a", destination="c")
    assert is_open() == [record.id]
    assert record.bite is True
    assert record.injected_at_ns is not None
    assert record.hurts_from_ns is not None
    assert record.injected_at_ns >= record.hurts_from_ns >= record.inject_started_ns
    stopped = session.stop(by="test")
    assert [r.id for r in stopped.healed] == [record.id]
    assert not is_open()
    assert not target.rules
    assert (session.folder or Path()).joinpath("injections", f"{record.id}.json").is_file()


def test_a_preparation_is_recorded_as_one(session: guard.Session, target: FakeTarget) -> None:
    words = {"source": "a", "destination": "a", "seconds": 0.1}
    assert guard.inject(session, target, "delay", prepares=True, **words).prepares  # type: ignore[arg-type]
    assert not guard.inject(session, target, "partition", source="a", destination="c").prepares
    assert guard.plan(target, "delay", words | {"prepares": True})["victims"] == ["a-1", "a-2"]
    assert [record.prepares for record in session.stop(by="test").healed] == [False, True]


def test_one_kind_can_be_put_back_alone(session: guard.Session, target: FakeTarget) -> None:
    cut = guard.inject(session, target, "delay", source="a", destination="a", seconds=0.1)
    out = guard.inject(session, target, "outage", component="a")
    assert [record.id for record in session.stop(by="test", only="delay").healed] == [cut.id]
    assert is_open() == [out.id]
    assert target.rules == {out.plan["rule"]}
    assert [record.id for record in session.stop(by="test").healed] == [out.id]


def test_a_stop_of_a_kind_that_there_is_not_says_so(session: guard.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_current", [session])
    with pytest.raises(BadInput, match="no fault is called 'partitoin'"):
        actions.stop(only="partitoin")


def test_the_record_is_on_disk_before_the_harm(session: guard.Session, target: FakeTarget) -> None:
    target.broken = {"cut"}
    with pytest.raises(TargetError):
        guard.inject(session, target, "partition", source="a", destination="c")
    (record,) = journal.open_records()[0]
    assert record.injected_at_ns is None
    assert "cut is broken" in str(record.error)


def test_no_record_no_fault(session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(guard.Refused, match="not injecting: its record cannot be written"):
        guard.inject(session, target, "partition", source="a", destination="c")
    assert "cut" not in target.calls


def test_a_fault_that_never_bit_is_an_error_and_stays_open(session: guard.Session, target: FakeTarget) -> None:
    target.deaf = {"cut"}
    with pytest.raises(guard.NeverBit, match="does not hurt"):
        guard.inject(session, target, "partition", source="a", destination="c")
    (record,) = journal.open_records()[0]
    assert record.bite is False


def test_a_kill_that_is_already_repaired_when_looked_at_has_bitten(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(node: str, incarnation: str, **_how: object) -> None:
        target.running[node] = f"{incarnation}-restarted"

    monkeypatch.setattr(target, "kill", replaced)
    record = guard.inject(session, target, "kill", component="a")
    assert record.bite is None
    assert record.bite_note is not None


def test_nothing_is_injected_without_a_watchdog(session: guard.Session, target: FakeTarget) -> None:
    assert session.watchdog is not None
    session.watchdog._process.kill()
    session.watchdog._process.wait()
    with pytest.raises(guard.Refused, match="no watchdog"):
        guard.inject(session, target, "kill", component="a")
    assert "kill" not in target.calls
    assert not is_open()


def test_nothing_is_injected_while_something_could_not_be_put_back(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")
    target.broken = {"uncut"}
    stopped = session.stop(by="test")
    assert "uncut is broken" in stopped.failed[0]
    with pytest.raises(stopping.StopFailed, match="python -m rollback stop"):
        stopped.check()
    with pytest.raises(guard.Refused, match="was not put back"):
        guard.inject(session, target, "kill", component="a")
    target.broken = set()
    assert session.stop(by="test").failed == ()
    guard.inject(session, target, "kill", component="a")


def test_a_full_disk_does_not_keep_anything_from_being_healed(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        stopped = session.stop(by="test")
    assert not target.rules
    assert "is healed, but its record cannot be closed" in stopped.failed[0]
    assert len(is_open()) == 1
    assert session.stop(by="test").failed == ()
    assert not is_open()


def test_a_heal_that_lies_keeps_the_record_open(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")
    target.deaf = {"uncut"}
    assert "still active" in session.stop(by="test").failed[0]
    assert len(is_open()) == 1


def test_one_failure_does_not_stop_the_other_heals(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")
    guard.inject(session, target, "stress", component="a", seconds=5)
    target.broken = {"unload"}
    stopped = session.stop(by="test")
    assert [record.fault for record in stopped.healed] == ["partition"]
    assert len(stopped.failed) == 1


def test_the_newest_is_healed_first(session: guard.Session, target: FakeTarget) -> None:
    older, newer = (guard.inject(session, target, "partition", source="a", destination="c") for _ in range(2))
    assert [record.id for record in session.stop(by="test").healed] == [newer.id, older.id]


def test_but_what_keeps_others_from_coming_back_goes_before_all(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")
    guard.inject(session, target, "kill", component="a")
    assert [record.fault for record in session.stop(by="test").healed] == ["partition", "kill"]


def test_a_vanished_target_holds_no_harm(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "kill", component="a")
    target.gone = True
    assert session.stop(by="test").failed == ()
    assert not is_open()


def test_stop_is_a_no_op_when_nothing_is_open(session: guard.Session, target: FakeTarget) -> None:
    assert session.stop(by="test") == stopping.Stopped()
    assert target.calls == []


def test_residue_is_told(session: guard.Session, target: FakeTarget) -> None:
    guard.inject(session, target, "kill", component="a")
    target.at_work["stress-of-somebody"] = 1
    (record,) = session.stop(by="test").healed
    assert record.residue == ("stress stress-of-somebody goes on",)


def test_a_mangled_record_is_never_skipped(session: guard.Session, target: FakeTarget) -> None:
    mangled = journal.home() / "open" / "torn.json"
    mangled.write_text('{"id": "to')
    with pytest.raises(guard.Refused, match=r"torn\.json"):
        guard.inject(session, target, "kill", component="a")
    assert "torn.json" in session.stop(by="test").failed[0]
    assert mangled.exists()
    mangled.unlink()


def test_only_the_dead_leave_leftovers(session: guard.Session, target: FakeTarget) -> None:
    record = guard.inject(session, target, "partition", source="a", destination="c")
    assert not stopping.leftovers()(record)
    assert stopping.leftovers()(replace(record, owner=replace(record.owner, started=1)))
    assert stopping.leftovers()(replace(record, owner=replace(record.owner, boot="another")))


def test_somebody_elses_injection_is_not_touched_by_a_session(session: guard.Session, target: FakeTarget) -> None:
    record = guard.inject(session, target, "partition", source="a", destination="c")
    other = guard.Session(permit=Permit(), owner=replace(session.owner, pid=1, started=1))
    assert other.stop(by="test").healed == ()
    assert is_open() == [record.id]


@pytest.mark.parametrize(
    ("fault", "params", "says"),
    [
        ("meteor", {}, "no fault is called 'meteor'; there are .*kill, .*stress"),
        ("kill", {"komponent": "a"}, "it takes component, role"),
        ("kill", {"component": "b"}, "has 0 nodes"),
        ("stress", {"component": "a", "workers": 1000}, "use 1 to 64 workers"),
    ],
)
def test_bad_input_names_the_cure_and_hurts_nobody(
    session: guard.Session, target: FakeTarget, fault: str, params: dict[str, object], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        guard.inject(session, target, fault, **params)  # type: ignore[arg-type]
    assert not is_open()
    assert not {"kill", "cut", "load"} & set(target.calls)


def test_refusals_come_before_the_record(target: FakeTarget, tmp_path: Path) -> None:
    with guard.Session(permit=Permit(max_victims=1), folder=tmp_path) as session:
        with pytest.raises(DrillyardError, match="not injecting: it would hurt 2 nodes"):
            guard.inject(session, target, "kill", component="a")
        assert not is_open()
