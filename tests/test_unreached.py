"""A target at whose door nobody answers for a while: a stop tries on, then says so, and leaves it to the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rollback import guard, journal
from rollback import stop as stopping
from rollback.arming import Permit
from targets.target import Unreached
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
    del target
    with guard.Session(permit=Permit(), folder=tmp_path) as opened:
        yield opened


def is_open() -> list[str]:
    return [record.id for record in journal.open_records()[0]]


def test_a_stop_tries_on_while_nobody_answers(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard.inject(session, target, "partition", source="a", destination="c")
    uncut, asked = target.uncut, []

    def seldom(rule_id: str) -> None:
        asked.append(rule_id)
        if len(asked) < 3:
            raise Unreached("nobody answers")
        uncut(rule_id)

    monkeypatch.setattr(stopping, "AGAIN_S", 0.01)
    monkeypatch.setattr(target, "uncut", seldom)
    assert session.stop(by="test").healed
    assert not is_open()


def test_a_stop_that_nobody_answers_says_so_and_another_one_heals(
    session: guard.Session, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = guard.inject(session, target, "partition", source="a", destination="c")

    def never(rule_id: str) -> None:
        raise Unreached(f"nobody answers about {rule_id}")

    monkeypatch.setattr(stopping, "HEAL_BUDGET_S", stopping.UNREACHED_S + 0.2)
    with monkeypatch.context() as broken:
        broken.setattr(target, "uncut", never)
        stopped = session.stop(by="test")
    assert "nobody answers about" in stopped.failed[0]
    assert is_open() == [record.id]
    assert session.stop(by="test").healed
    assert not is_open()
