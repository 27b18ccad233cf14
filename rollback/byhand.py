"""What a person can do where the stop could not: commands for a shell, with real values."""

import sys
from shlex import quote

from experiments import faults
from rollback.records import Injection
from targets.places import ROOT
from targets.target import attach, scheme_module


def commands(record: Injection) -> tuple[str, ...]:
    """Give the fault's own commands, then the one that takes a disposable target down; at least one, never an error."""
    return (*_of_the_fault(record), *_last_resort(record.target)) or (f"look at {record.target} yourself",)


def _of_the_fault(record: Injection) -> list[str]:
    try:
        return faults.load(record.fault).by_hand(attach(record.target), record.plan)
    except Exception:  # noqa: BLE001  something is broken already: whatever this one raises must not hide it
        return []


def _last_resort(address: str) -> list[str]:
    try:
        disposable = hasattr(scheme_module(address), "down")
    except Exception:  # noqa: BLE001  as above
        return []
    return [f"cd {quote(str(ROOT))} && {quote(sys.executable)} -m targets down {quote(address)}"] if disposable else []
