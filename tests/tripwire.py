"""A plugin, `-p tests.tripwire`: whatever hurts, records or measures leaves its name in $TRIPWIRE instead."""

import os
from pathlib import Path
from typing import Any, NoReturn

from experiments import faults
from probes import handle
from rollback import guard, journal, stop, watchdog


def pytest_configure(config: Any) -> None:
    """Lay it."""
    for name in faults.names():
        _lay(faults.load(name), "inject")
        _lay(faults.load(name), "heal")
    for owner, name in (
        (guard, "_strike"),
        (journal, "write"),
        (journal, "close"),
        (handle, "start"),
        (watchdog.Watchdog, "__init__"),
        (stop, "_heal"),
    ):
        _lay(owner, name)


def _lay(owner: Any, name: str) -> None:
    def tripped(*_: Any, **__: Any) -> NoReturn:
        with Path(os.environ["TRIPWIRE"]).open("a") as file:
            file.write(f"{owner.__name__}.{name}\n")
        raise AssertionError(f"{owner.__name__}.{name} was called")

    setattr(owner, name, tripped)
