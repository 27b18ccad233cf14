"""One process that may inject: its permit, its watchdog, the drill it is in, and the targets that are its alone."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rollback import journal, lock, marks
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Owner
from rollback.watchdog import Watchdog
from targets.target import DrillyardError, TargetGone, attach


class StoppedByHand(DrillyardError):
    """Somebody pressed the red button since this session began."""


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

    def hold(self, address: str, *, drill: str = "", say: Callable[[str], None] = say_to_stderr) -> None:
        """Have a target alone until `let_go` or the session's end; nothing to do when it is so.

        `say` is told for whom it waits.  Busy when that takes too long, or when a drill died here and left something.
        """
        if address in self.held:
            return

        def waiting(text: str | None) -> None:
            if text:
                say(text)
            if why := self.stopped():
                raise StoppedByHand(why)

        found = lock.take(address, waiting=waiting)
        try:
            self._look_after(address, found.after)
        except BaseException:
            lock.give_back(address)
            raise
        lock.sign(found, drill or self.drill)
        self.held.add(address)

    def let_go(self) -> None:
        """Let others have the targets that were this session's alone."""
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
        done = stopping.stop(by=by, mine=lambda record: record.owner == self.owner and only in (None, record.fault))
        self.unhealed -= {record.id for record in done.healed}
        self.unhealed |= {record.id for record in done.unhealed}
        return done

    def stopped(self) -> str | None:
        """Say who has stopped everything since this session began, if somebody did: "stopped by hand by ..."."""
        why = marks.since(self.born_ns)
        return why and f"stopped {why}"
