"""Which shared targets a process of this machine has to itself: on disk before it has them.

A Lease lapses by itself, in minutes.  That of a process which died is given back at once by whoever stops anything
afterwards, its own watchdog first, unless something of that process is still to be put back there.
"""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from rollback import holder, journal
from rollback.records import Owner
from targets import places
from targets.clustered import Leased
from targets.target import DrillyardError, attach

FOLDER = "leases"


def note(owner: Owner, address: str) -> None:
    """Write down that a process is about to have a target; where that cannot be, its Lease has to lapse."""
    with suppress(OSError, DrillyardError):
        path = journal.home() / FOLDER / _name(owner)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        known = _read(path)[1] if path.exists() else []
        journal.put(path, {"owner": asdict(owner), "addresses": sorted({*known, address})})


def drop(owner: Owner) -> None:
    """Forget a process that has given all of them back."""
    with suppress(OSError):
        (places.state_folder() / FOLDER / _name(owner)).unlink()


def give_back() -> None:
    """Give back, once, what the dead had; not of those of whom something is open."""
    noted = sorted((places.state_folder() / FOLDER).glob("[0-9]*.json"))
    busy = {record.owner for record in journal.open_records()[0]} if noted else set()
    for path in noted:
        with suppress(OSError, ValueError, KeyError, TypeError):
            owner, addresses = _read(path)
            if not owner.alive() and owner not in busy:
                for address in addresses:
                    _given_back(address, owner)
                path.unlink()


def _given_back(address: str, owner: Owner) -> None:
    with suppress(DrillyardError):  # whoever cannot be reached forgets it by himself
        target = attach(address)
        if isinstance(target, Leased):
            target.give_back(holder.written(owner))


def _read(path: Path) -> tuple[Owner, list[str]]:
    said = json.loads(path.read_text())
    return Owner(**said["owner"]), [str(each) for each in said["addresses"]]


def _name(owner: Owner) -> str:
    return f"{owner.pid}-{owner.started}.json"
