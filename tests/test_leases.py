"""A target that machines share is one drill's at a time: who has it is told, and our own dead do not keep it."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rollback import guard, holder, journal, leases
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Owner
from targets import places
from targets.clustered import Taken
from tests.fakes import FakeTarget, install

ANOTHER = "somebody@elsewhere pid 7/7 boot another/1"


@dataclass
class SharedTarget(FakeTarget):
    """One that says who has it."""

    had: str = ""
    lasts_s: float = 0.0

    def lease(self, holder: str, drill: str, seconds: float) -> None:
        if self.had not in ("", holder):
            raise Taken(self.had, f"{self.had} is at it, not {drill}")
        self.had, self.lasts_s = holder, max(seconds, self.lasts_s)

    def give_back(self, holder: str) -> None:
        self._called("give_back")
        self.had = "" if self.had == holder else self.had


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SharedTarget:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(stopping, "IN_FLIGHT_S", 0.01)
    fake = SharedTarget()
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def session(target: SharedTarget) -> Iterator[guard.Session]:
    with guard.Session(permit=Permit()) as opened:
        yield opened
        target.broken.clear()


def cut(session: guard.Session, target: SharedTarget) -> None:
    guard.inject(session, target, "partition", source="a", destination="c", expires_after_s=50)


def test_a_drill_has_it_for_longer_than_what_it_hurts_and_gives_it_back(
    session: guard.Session, target: SharedTarget
) -> None:
    cut(session, target)
    assert target.had == holder.written(session.owner)
    assert target.lasts_s == 50 + guard.UNDONE_WITHIN_S
    session.stop(by="test")
    assert target.had
    session.let_go()
    assert target.had == ""


def test_another_machines_drill_is_named_and_nothing_is_hurt(session: guard.Session, target: SharedTarget) -> None:
    target.had = ANOTHER
    with pytest.raises(guard.Refused, match=r"somebody@elsewhere pid 7/7 .* is at it, not by-hand"):
        cut(session, target)
    assert not target.rules
    assert journal.open_records() == ((), ())
    session.let_go()
    assert target.had == ANOTHER


def test_what_is_not_permitted_is_not_even_announced(session: guard.Session, target: SharedTarget) -> None:
    session.permit = replace(session.permit, max_victims=0)
    with pytest.raises(guard.Refused, match="max_victims"):
        cut(session, target)
    assert target.had == ""


def test_our_own_dead_do_not_keep_it(session: guard.Session, target: SharedTarget) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        theirs = Owner(pid=other.pid, started=journal.started_ticks(other.pid) or 0, boot=journal.boot_id())
        target.had = holder.written(theirs)
        assert not holder.is_dead(target.had)
        with pytest.raises(guard.Refused, match="is at it"):
            cut(session, target)
        other.communicate(b"\n")
    assert holder.is_dead(target.had)
    cut(session, target)
    assert target.had == holder.written(session.owner)


def test_nobody_is_called_dead_who_cannot_be_looked_for_here() -> None:
    own = journal.myself()
    assert not holder.is_dead(holder.written(own))
    gone = replace(own, started=own.started + 1)
    assert holder.is_dead(holder.written(gone))
    assert not holder.is_dead(holder.written(replace(gone, boot="another")))
    assert not holder.is_dead(holder.written(gone) + "0")  # another namespace of pids
    assert not holder.is_dead("a person")


def test_it_stays_where_something_could_not_be_put_back(session: guard.Session, target: SharedTarget) -> None:
    cut(session, target)
    target.broken.add("uncut")
    session.stop(by="test")
    session.let_go()
    assert target.had == holder.written(session.owner)


def test_a_dead_drills_is_given_back_when_nothing_of_it_is_open(target: SharedTarget) -> None:
    """It died before it hurt anything, or after it had put everything back: nobody has a record to heal."""
    dead = replace(journal.myself(), started=journal.myself().started + 1)
    leases.note(journal.myself(), target.address)
    leases.note(dead, target.address)
    target.had = holder.written(dead)
    stopping.stop(by="test")
    assert target.had == ""
    (left,) = (places.state_folder() / leases.FOLDER).iterdir()
    assert left.name.endswith(f"-{journal.myself().started}.json"), "who lives keeps his"


def test_a_dead_drills_stays_while_something_of_it_is_open(session: guard.Session, target: SharedTarget) -> None:
    session.owner = replace(session.owner, started=session.owner.started + 1)
    cut(session, target)
    target.broken.add("uncut")
    stopping.stop(by="test")
    assert target.had == holder.written(session.owner)
    target.broken.clear()
    stopping.stop(by="test")
    assert target.had == ""


def test_a_note_that_nobody_can_read_is_no_hindrance(target: SharedTarget) -> None:
    folder = journal.home() / leases.FOLDER
    folder.mkdir()
    (folder / "1-1.json").write_text("{")
    (folder / "2-2.json").write_text('{"owner": {"pid": "x"}}')
    assert stopping.stop(by="test") == stopping.Stopped()
