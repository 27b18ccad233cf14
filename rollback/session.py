"""One process that may inject: its permit, its watchdog, the drill it is in, and the targets that are its alone."""

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rollback import holder, journal, leases, lock, marks
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Owner
from rollback.lock import Lock
from rollback.watchdog import Watchdog
from targets.clustered import Leased, Taken
from targets.target import DrillyardError, Target, TargetError, TargetGone, attach


class StoppedByHand(DrillyardError):
    """Somebody pressed the red button since this session began."""


class Overtaken(DrillyardError):
    """Somebody else has put back what this drill had hurt: whatever it does now answers what is not there any more."""


def say_to_stderr(text: str) -> None:
    """Tell whoever is at the terminal."""
    print(f"drillyard: {text}", file=sys.stderr, flush=True)


@dataclass(kw_only=True)
class Session:
    """One process that may inject. Use as a context manager."""

    permit: Permit
    drill: str = "by-hand"
    severity: str = ""
    folder: Path | None = None
    owner: Owner = field(default_factory=journal.myself)
    lock: threading.Lock = field(default_factory=threading.Lock)
    watchdog: Watchdog | None = None
    failure: DrillyardError | None = None  # why the last injection of this drill did not work
    born_ns: int = marks.BORN_NS  # it obeys the stops by hand from then on
    unhealed: set[str] = field(default_factory=set)  # ids of what it could not put back
    held: set[str] = field(default_factory=set)  # addresses of targets that are this session's alone
    leased: dict[str, Leased] = field(default_factory=dict)  # those that drills of other machines share, by address
    in_force: dict[str, str] = field(default_factory=dict)  # what this drill has hurt and not put back: id, fault
    healed_ns: int = 0  # when it last put something back in this drill (monotonic), 0: never
    overtaken: str = ""  # by whom one of them was put back all the same

    def __enter__(self) -> Self:
        """Heal what dead sessions left, then start the watchdog. StopFailed when something cannot be healed."""
        stopping.stop(by="next start", mine=stopping.leftovers()).check()
        self.watchdog = Watchdog(self.owner)
        return self

    def __exit__(self, *_: object) -> None:
        """Heal what is open, then let the watchdog and the targets go."""
        try:
            self.stop(by="session end").check()
        finally:
            if self.watchdog is not None:
                self.watchdog.close()
                self.watchdog = None
            self.let_go()

    def begin(self, *, drill: str, severity: str, folder: Path) -> None:
        """Name the drill that the next injections belong to."""
        self.drill, self.severity, self.folder, self.failure = drill, severity, folder, None
        self.in_force, self.overtaken, self.healed_ns = {}, "", 0

    def hold(self, address: str, *, drill: str = "", say: Callable[[str], None] = say_to_stderr) -> None:
        """Have a target alone until `let_go` or the session's end; nothing to do when it is so.

        `say` is told for whom it waits.  Busy when that takes too long, or when a drill died here and left something.
        """
        if address in self.held:
            return
        found = self._take(address, say)
        try:
            self._look_after(address, found.after)
        except BaseException:
            lock.give_back(address)
            raise
        lock.sign(found, drill or self.drill)
        self.held.add(address)

    def take_turn(self, name: str, *, drill: str, say: Callable[[str], None] = say_to_stderr) -> None:
        """Have something of this machine alone that is no target, as `hold` does with one that is."""
        lock.sign(self._take(name, say), drill)
        self.held.add(name)

    def _take(self, name: str, say: Callable[[str], None]) -> Lock:
        def waiting(text: str | None) -> None:
            if text:
                say(text)
            if why := self.stopped():
                raise StoppedByHand(why)

        return lock.take(name, waiting=waiting)

    def lease(self, target: Target, seconds: float) -> None:
        """Have a target alone among all machines for so long, where several share it. Taken names who has it."""
        if not isinstance(target, Leased):
            return
        self.leased[target.address] = target  # of several namespaces it may get the first, and not the next
        leases.note(self.owner, target.address)
        try:
            target.lease(holder.written(self.owner), self.drill, seconds)
        except Taken as taken:
            if not holder.is_dead(taken.holder):
                raise
            target.give_back(taken.holder)  # of our own dead: it would lapse in a while
            target.lease(holder.written(self.owner), self.drill, seconds)

    def let_go(self) -> None:
        """Let others have the targets that were this session's alone; not yet what is still broken there."""
        shared = bool(self.leased)
        while self.leased:
            _, target = self.leased.popitem()
            if not self.unhealed:
                with suppress(TargetError):  # it lapses by itself
                    target.give_back(holder.written(self.owner))
        if shared and not self.unhealed:
            leases.drop(self.owner)
        while self.held:
            lock.give_back(self.held.pop())

    def _look_after(self, address: str, dead: str | None) -> None:
        """Put back what our own dead left on the target; refuse while something of somebody else's dead is there."""
        stopping.stop(by="next drill", mine=lambda r: r.target == address and not r.owner.alive())
        if dead is None:
            return
        try:
            left = stopping.residue(attach(address))
        except TargetGone:
            return
        if left:
            raise lock.Busy(
                f"{address}: {dead} ended without a word and left: {'; '.join(left)}. Let that user run `python -m "
                "rollback stop`"
            )

    def stop(self, *, by: str, only: str | None = None) -> stopping.Stopped:
        """Put back everything that this session has hurt, or what it has hurt with the fault `only`."""
        self._look_for_others()
        self.in_force = {each: fault for each, fault in self.in_force.items() if only not in (None, fault)}
        done = stopping.stop(by=by, mine=lambda record: record.owner == self.owner and only in (None, record.fault))
        if done.healed:
            self.healed_ns = time.monotonic_ns()
        self.unhealed -= {record.id for record in done.healed}
        self.unhealed |= {record.id for record in done.unhealed}
        return done

    def stopped(self) -> str | None:
        """Say who has stopped everything since this session began, if somebody did: "stopped by hand by ..."."""
        why = marks.since(self.born_ns)
        return why and f"stopped {why}"

    def check(self) -> None:
        """Raise StoppedByHand or Overtaken when this drill is to do no more: nothing that hurts, and no recovery."""
        if why := self.stopped():
            raise StoppedByHand(why)
        self._look_for_others()
        if self.overtaken:
            raise Overtaken(self.overtaken)

    def _look_for_others(self) -> None:
        for each, fault in self.in_force.items():
            found = journal.find(each)
            if found is None or found.heal_started_ns:
                by = (found and found.healed_by) or "somebody"
                self.overtaken = f"overtaken: its {fault} was put back while it went on ({by})"
