"""Where the client runs that measures: on this machine, beside the services, or there with another one here.

What is judged comes from one of them: beside the services, where there is one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from probes import handle, watching
from probes.watching import Doors
from targets.clustered import Observed
from targets.systems import System
from targets.target import BadInput, Target

Meter = Literal["outside", "inside", "both"]
OUTSIDE: Meter = "outside"
INSIDE: Meter = "inside"
BOTH: Meter = "both"
FINISH_S = 10.0


@dataclass(frozen=True)
class _Inside:
    """A target as a client beside its services sees it."""

    target: Observed

    def endpoint(self, component: str) -> str:
        """Give the URL at which a component is reached there."""
        return self.target.endpoint_inside(component)


def check(target: Target, where: Meter) -> None:
    """Raise BadInput when a target has no inside."""
    if where != OUTSIDE and not isinstance(target, Observed):
        raise BadInput(f"--meter {where}: {target.address} is no cluster in which a client could run; leave it out")


def doors(target: Target, where: Meter) -> Doors:
    """Give the doors that the client is to ask at."""
    return _Inside(target) if where != OUTSIDE and isinstance(target, Observed) else target


@contextmanager
def place(target: Target, where: Meter) -> Iterator[Sequence[str]]:
    """Have the place for a while; gives the command that runs the client there."""
    if where != OUTSIDE and isinstance(target, Observed):
        with target.observer() as argv:
            yield argv
    else:
        yield handle.CLIENT


@contextmanager
def outside_too(
    target: Target, where: Meter, system: System, components: Sequence[str], folder: Path
) -> Iterator[None]:
    """Have callers of these components here, too, for a while, when that was asked for; their records are in `folder`.

    They read only: what the other client writes is written once.
    """
    if where != BOTH:
        yield
        return
    watched = [watching.watching(target, system, name, ledger_id="") for name in components]
    spec = watching.spec([replace(one, ledgers=()) for one in watched])
    folder.mkdir()
    with handle.start({**spec, "folder": str(folder)}) as client:
        yield
        client.finish(FINISH_S)
