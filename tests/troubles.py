"""What the model check is made of, beside its world: troubles, deaths, and who waits how long."""

import threading
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from rollback.journal import Owner

HAPPENS = ("fails", "breaks", "exits", "dies", "hangs", "vanishes", "flies", "dies flying", "is stopped by another")


class Died(BaseException):
    """The process was killed at this very call."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What happens at the `nth` call of that name in an operation, before or after it had its effect."""

    call: str
    nth: int
    what: str
    late: bool


@dataclass(frozen=True, kw_only=True)
class Day:
    """What an operation has to do with: troubles, lies, and a call that fails every time; words of CALLS."""

    troubles: Sequence[Trouble] = ()
    lies: str = ""
    fails: str = ""


class Watchdog:
    """Alive or dead; what it would do is an operation of the machine."""

    def __init__(self, owner: Owner) -> None:
        self.owner, self.lives = owner, True

    def alive(self) -> bool:
        return self.lives

    def poke(self) -> None:
        pass

    def close(self) -> None:
        self.lives = False


class Impatient(threading.Thread):
    """Waited for until it has ended or hangs, whatever the clock says: the same steps come to the same end."""

    def __init__(self, hung: Container[threading.Thread], **how: Any) -> None:
        super().__init__(**how)
        self.hung = hung

    def join(self, _: float | None = None) -> None:
        while self.is_alive() and self not in self.hung:
            super().join(0.0005)
