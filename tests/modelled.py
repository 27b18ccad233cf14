"""The world of the model check: a target that fails, hangs, lies and vanishes at each call, and processes that die.

The guard, the stop and the journal on disk are the real ones.  Fake are the target with its one fault, the watchdog,
who is alive, and how long an inject may be under way.  What must always hold is asked at every call, not only between
operations: a process may die anywhere.

What a lie can hide: a heal or an inject that did nothing is seen by looking.  A lie of `active` hides harm from the
stop, which then closes the record; the sweep for residue says it, unless that lies too, and then nobody can know.
TargetGone is no lie here: a target that says so takes its harm with it, and has to be right about it.
"""

import errno
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from experiments import faults
from rollback import journal, session
from rollback import stop as stopping
from rollback.journal import Injection, Owner
from targets.target import TargetError, TargetGone
from tests.troubles import Day, Died, Impatient, Watchdog

KINDS = ("open", "closed")
HAND = Owner(pid=1, started=1, boot=journal.boot_id())


@dataclass
class World:
    """What is true, whatever is said; `address` and `disposable` make it the target as well."""

    state: Path
    address: str
    disposable: bool = True
    harm: set[str] = field(default_factory=set)
    landed: set[str] = field(default_factory=set)  # harm that ever was
    flying: set[str] = field(default_factory=set)  # injects that were sent and have not arrived yet
    hidden: set[str] = field(default_factory=set)  # harm whose record was closed because the target lied
    present: bool = True
    written: dict[str, str] = field(default_factory=dict)  # the records that there ever were, and their tokens
    alive: set[int] = field(default_factory=set)
    me: Owner = HAND  # the process that acts
    day: Day = field(default_factory=Day)
    counts: Counter[str] = field(default_factory=Counter)
    dead: bool = False  # it was killed in the middle of its operation
    injecting: bool = False
    unhealed: set[str] = field(default_factory=set)  # when the door decided
    hung: list[threading.Thread] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def act(self, who: Owner, day: Day, operation: Callable[[], Any]) -> Any:
        """Let a process do something; gives what it returned or raised, Died when it did not live to the end."""
        before = self.me, self.day, self.counts, self.injecting
        self.me, self.day, self.counts, self.dead, self.injecting = who, day, Counter(), False, False
        try:
            done = operation()
        except AssertionError:
            raise
        except (Exception, Died, SystemExit) as error:  # noqa: BLE001  whatever it is, it is what came of it
            done = error
        self.check()
        self.dead, died = False, self.dead
        self.me, self.day, self.counts, self.injecting = before
        if died:
            self.alive.discard(who.pid)
        return Died() if died else done

    def call(self, name: str, effect: Callable[[], Any], token: str = "") -> Any:
        """Do what a call does, with what happens at it."""
        self._live()
        self.counts[name] += 1
        found = [t for t in self.day.troubles if (t.call, t.nth) == (name, self.counts[name])]
        for trouble in found:
            if not trouble.late:
                self._happen(name, trouble.what, token)
        self._live()
        if name != "write" and not self.present:
            raise TargetGone(f"{self.address} does not exist any more")
        if name == self.day.fails:
            self._happen(name, "fails", token)
        done = effect()
        self.check()
        for trouble in found:
            if trouble.late:
                self._happen(name, trouble.what, token)
        return done

    def _live(self) -> None:
        if self.dead:
            raise Died
        self.check()

    def _happen(self, name: str, what: str, token: str) -> None:
        if what in ("flies", "dies flying") and name == "inject" and self.present:
            self.flying.add(token)
        if what.startswith("dies"):
            self.dead = True
            raise Died
        if what == "is stopped by another":
            if self.injecting:  # two stops at once are an operation of their own
                self.act(HAND, Day(lies=self.day.lies), lambda: stopping.stop(by="another"))
        elif name == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        elif what == "hangs":
            if threading.current_thread() is not threading.main_thread():
                self.hung.append(threading.current_thread())
                self.gate.wait()
        elif what == "vanishes":
            self.vanish()
        elif what == "exits":
            raise SystemExit(1)
        else:
            raise ValueError("a mistake in the fault") if what == "breaks" else TargetError(f"{name} failed")

    def vanish(self) -> None:
        """Be gone for good, with everything in it; another one may come up at the same address."""
        self.present = False
        self.harm.clear()
        self.flying.clear()
        self.hidden.clear()

    def land(self, *_: object) -> None:
        """Let what was sent arrive."""
        while self.flying:
            self.arrive(self.flying.pop())
        self.check()

    def arrive(self, token: str) -> None:
        """Begin to hurt."""
        self.harm.add(token)
        self.landed.add(token)

    def end(self) -> None:
        """Let all harm end by itself."""
        self.harm.clear()

    def go_on(self) -> None:
        """Let every call that hangs come to its end, long after anybody waited for it."""
        self.gate.set()
        for thread in self.hung:
            threading.Thread.join(thread)
        self.hung.clear()
        self.gate = threading.Event()

    def check(self) -> None:
        """Ask what must hold at every moment."""
        here, closed = ({path.stem for path in (self.state / kind).glob("*.json")} for kind in KINDS)
        lost = set(self.written) - here - closed
        assert not lost, f"lost: {lost}"
        explained = {self.written[one] for one in here if one in self.written} | self.hidden
        assert self.harm <= explained, f"active without an open record: {self.harm - explained}"

    def _about_to_write(self, path: Path, record: Mapping[str, Any]) -> None:
        """Ask what must hold of a record that is being closed."""
        token = record["plan"]["token"]
        if path.parent.name != "closed":
            return
        if token in self.harm:
            assert "active" in self.day.lies, f"closed while active: {token}"
            self.hidden.add(token)
        assert token not in self.flying, f"closed while its inject is under way: {token}"
        last = {open_.id for open_ in journal.open_records()[0]} <= {record["id"]}
        if last and self.present and "residue" not in self.day.lies:
            said = " ".join(record["residue"])
            assert all(harm in said for harm in self.hidden & self.harm) or "could not look" in said, said

    # the fault, as the guard and the stop know it

    def plan(self, _: object) -> dict[str, Any]:
        """Name a victim and a token by which the harm is known; the door decides by what is open now."""
        self.injecting = True
        made = self.call("plan", lambda: {"victims": ["a-1"], "token": f"t{len(self.written)}"})
        self.unhealed = {record.id for record in journal.open_records()[0] if _is_wrong(record)}
        return dict(made)

    def inject(self, _: object, plan: dict[str, Any]) -> None:
        assert not self.unhealed, f"injected while unhealed: {self.unhealed}"
        if "inject" not in self.day.lies:
            self.call("inject", lambda: self.arrive(plan["token"]), plan["token"])

    def active(self, _: object, plan: dict[str, Any]) -> bool | None:
        token = plan["token"]
        there = self.call("active", lambda: token in self.harm)
        return not there if "active" in self.day.lies else there or (None if token in self.landed else False)

    def heal(self, _: object, plan: dict[str, Any]) -> None:
        self.call("heal", lambda: None if "heal" in self.day.lies else self.harm.discard(plan["token"]))

    def residue(self, _: object) -> list[str]:
        found: list[str] = self.call("residue", lambda: sorted(self.harm))
        return [] if "residue" in self.day.lies else found

    def attach(self, _: str) -> "World":
        return self.call("attach", lambda: self)  # type: ignore[no-any-return]


def _is_wrong(record: Injection) -> bool:
    return bool(record.heal_started_ns or record.inject_failed_ns or not record.owner.alive())


def build(patch: pytest.MonkeyPatch, state: Path) -> World:
    """Make a world and let the guard and the stop live in it."""
    patch.setenv("DRILLYARD_STATE", str(state))
    world, really = World(state=journal.home(), address=f"fake:{state}"), journal.put
    module = ModuleType("targets.fake")
    module.__spec__ = ModuleSpec("targets.fake", None)
    module.attach = world.attach  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "targets.fake", module)

    def write(path: Path, record: Mapping[str, Any], *, sync: bool = True) -> None:
        def effect() -> None:
            world._about_to_write(path, record)
            really(path, record, sync=sync)
            world.written.setdefault(record["id"], record["plan"]["token"])

        world.call("write", effect)

    clock = {"sleep": world.land, "monotonic": time.monotonic, "monotonic_ns": time.monotonic_ns}
    patch.setattr(faults, "load", lambda _: world)
    patch.setattr(faults, "names", lambda: ("harm",))
    patch.setattr(session, "Watchdog", Watchdog)
    patch.setattr(journal, "put", write)
    patch.setattr(journal, "myself", lambda: world.me)
    patch.setattr(Owner, "alive", lambda self: self.pid in world.alive)
    patch.setattr(stopping, "threading", SimpleNamespace(Thread=partial(Impatient, world.hung)))
    patch.setattr(stopping, "time", SimpleNamespace(**clock))
    return world
