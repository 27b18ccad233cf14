"""The door is model-checked: whatever fails, hangs, lies, vanishes or dies at whichever call, no harm is forgotten."""

import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from experiments import faults
from rollback import guard, journal, lock
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Injection, Owner
from targets.target import attach
from tests.modelled import HAND, build
from tests.troubles import HAPPENS, Day, Died, Trouble, Watchdog

PROFILE = settings(
    max_examples=200,
    stateful_step_count=12,
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    phases=[Phase.generate],  # twelve steps can be read as they are; shrinking them takes minutes
    suppress_health_check=list(HealthCheck),
)
CHANGES = ("vanishes", "ends by itself", "lands", "hung calls go on")
LIES = ("", "", "", "", "inject", "active", "heal", "heal active", "residue")


def days(*calls: str) -> st.SearchStrategy[Day]:
    """Draw what happens during one operation, and at which call."""
    trouble = st.builds(
        Trouble,
        call=st.sampled_from(calls),
        nth=st.sampled_from([1, 1, 2, 3]),
        what=st.sampled_from(HAPPENS),
        late=st.booleans(),
    )
    return st.builds(
        Day,
        troubles=st.lists(trouble, max_size=2),
        lies=st.sampled_from(LIES),
        fails=st.sampled_from([*[""] * 2 * len(calls), *calls]),
    )


at_inject, at_stop = days("plan", "write", "inject", "active"), days("attach", "write", "heal", "active", "residue")


def something_is_open(door: "Door") -> bool:
    """Keep whoever puts back for when there is something to put back: nothing else is of interest."""
    return any((door.folder / "state" / "open").glob("*.json"))


class Door(RuleBasedStateMachine):
    """Sessions that inject, whoever stops them, and a world that gives them trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.folder = Path(tempfile.mkdtemp(prefix="model-"))
        self.world = build(self.patch, self.folder / "state")
        self.session: guard.Session | None = None
        self.watchdogs: list[Watchdog] = []  # those whose owner is dead
        self.pids = 100

    @rule(day=at_inject)
    def injects(self, day: Day) -> None:
        self.world.present = True  # if it is gone, another one comes up at the same address
        if not self.session:
            self.starts(Day(), tells=False)
        before, session = set(self.world.harm), self.session
        if not (session and session.watchdog):
            return
        watched = session.watchdog.alive()
        done = self._acts(day, lambda: guard.inject(session, self.world, "harm"))  # type: ignore[arg-type]
        if not watched or isinstance(done, guard.Refused):
            assert not isinstance(done, journal.Injection)
            assert self.world.harm <= before

    @precondition(something_is_open)
    @rule(day=at_stop, tells=st.booleans())
    def starts(self, day: Day, tells: bool) -> None:
        self.pids += 1
        owner = Owner(pid=self.pids, started=1, boot=journal.boot_id())
        self.world.alive.add(owner.pid)
        session = guard.Session(permit=Permit(), owner=owner, folder=self.folder if tells else None)
        begun = self.world.act(owner, day, session.__enter__)
        assert begun is session or isinstance(begun, (stopping.StopFailed, Died)), begun
        if begun is session:
            assert all(record.owner.alive() for record in journal.open_records()[0])
            self._dies()
            self.session = session
        else:
            self.world.alive.discard(owner.pid)

    @precondition(something_is_open)
    @rule(day=at_stop, who=st.sampled_from(["teardown", "end", "expiry", "watchdog", "hand"]))
    def is_stopped(self, day: Day, who: str) -> None:
        if who == "watchdog" and self.watchdogs:
            self._avenge(day)
        elif who == "hand" or not self.session:
            told(self.world.act(HAND, day, lambda: stopping.stop(by="by hand")))
        elif who == "end":
            self._end(self.session, day)
        elif who == "expiry":
            self._stop(HAND, day, self.session.owner)
        else:
            told(self._acts(day, lambda: self.session.stop(by="teardown")))  # type: ignore[union-attr]

    @precondition(something_is_open)
    @rule()
    def is_stopped_twice_at_once(self) -> None:
        with ThreadPoolExecutor(2) as pool:
            one, other = pool.map(lambda by: stopping.stop(by=by), ("one", "the other"))
        assert not {record.id for record in one.healed} & {record.id for record in other.healed}

    @precondition(lambda self: self.session)
    @rule(who=st.sampled_from(["owner", "watchdog", "both"]))
    def dies(self, who: str) -> None:
        assert self.session
        if who != "owner" and self.session.watchdog:
            self.session.watchdog.close()
        if who != "watchdog":
            self._dies()

    @precondition(something_is_open)
    @rule(change=st.sampled_from(CHANGES))
    def changes(self, change: str) -> None:
        world = self.world
        {"vanishes": world.vanish, "ends by itself": world.end, "lands": world.land}.get(change, world.go_on)()

    def _acts(self, day: Day, operation: Callable[[], Any]) -> Any:
        assert self.session
        done = self.world.act(self.session.owner, day, operation)
        if isinstance(done, Died):
            self._dies()
        return done

    def _dies(self) -> None:
        if self.session:
            self.world.alive.discard(self.session.owner.pid)
            if isinstance(self.session.watchdog, Watchdog) and self.session.watchdog.lives:
                self.watchdogs.append(self.session.watchdog)
        self.session = None

    def _end(self, session: guard.Session, day: Day) -> None:
        ended = self._acts(day, session.__exit__)
        assert ended is None or isinstance(ended, (stopping.StopFailed, Died)), ended
        assert ended is not None or not [r for r in journal.open_records()[0] if r.owner == session.owner]
        self._dies()

    def _avenge(self, day: Day) -> None:
        stopped = self._stop(HAND, day, self.watchdogs[0].owner)
        if isinstance(stopped, Died) or not stopped.failed:
            del self.watchdogs[0]

    def _stop(self, who: Owner, day: Day, owner: Owner) -> Any:
        return told(self.world.act(who, day, lambda: stopping.stop(by="watchdog", mine=lambda r: r.owner == owner)))

    def teardown(self) -> None:
        """When all trouble is over, one stop puts everything back."""
        world = self.world
        try:
            world.go_on()
            world.present = True
            world.alive.clear()
            assert world.act(HAND, Day(), lambda: stopping.stop(by="at last").failed) == ()
            assert journal.open_records() == ((), ())
            assert world.harm <= world.hidden
        finally:
            while world.address in lock._held:
                lock.give_back(world.address)
            self.patch.undo()
            shutil.rmtree(self.folder)


def told(stopped: Any) -> Any:
    """See that a stop has tried everything and said what it did: it raises nothing."""
    assert isinstance(stopped, (stopping.Stopped, Died)), stopped
    return stopped


def test_no_harm_is_forgotten() -> None:
    run_state_machine_as_test(Door, settings=PROFILE)


def closed_before_it_is_written(record: Injection) -> None:
    (journal.home() / "open" / f"{record.id}.json").unlink(missing_ok=True)
    journal.put(journal.home() / "closed" / f"{record.id}.json", asdict(record))


def written_when_it_is_over(record: Injection) -> None:
    if record.injected_at_ns or record.inject_failed_ns or record.heal_started_ns:
        journal.put(journal.home() / "open" / f"{record.id}.json", asdict(record))


def healed_without_a_look(record: Injection) -> list[str]:
    faults.load("harm").heal(attach(record.target), record.plan)
    return []


@pytest.mark.parametrize(
    ("room", "name", "weakness"),
    [
        (journal, "write", written_when_it_is_over),
        (journal, "close", closed_before_it_is_written),
        (stopping, "_heal_and_look", healed_without_a_look),
        (stopping, "_may_still_inject", lambda _: False),
        (stopping, "_left_behind", lambda _: []),
        (stopping, "_within_budget", lambda work, _="": work()),
        (guard, "refusals", lambda *_, **__: []),
        (guard, "_watched", lambda session: session.watchdog),
    ],
)
def test_a_weak_door_is_found(monkeypatch: pytest.MonkeyPatch, room: Any, name: str, weakness: Any) -> None:
    monkeypatch.setattr(room, name, weakness)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Door, settings=PROFILE)
