"""Where the client runs that measures: on this machine, or beside the services."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from probes import handle
from probes.watching import Doors
from targets.clustered import Observed
from targets.target import BadInput, Target

Meter = Literal["outside", "inside"]
OUTSIDE: Meter = "outside"
INSIDE: Meter = "inside"


@dataclass(frozen=True)
class _Inside:
    """A target as a client beside its services sees it."""

    target: Observed

    def endpoint(self, component: str) -> str:
        """Give the URL at which a component is reached there."""
        return self.target.endpoint_inside(component)


def check(target: Target, where: Meter) -> None:
    """Raise BadInput when a target has no inside."""
    if where == INSIDE and not isinstance(target, Observed):
        raise BadInput(f"--meter inside: {target.address} is no cluster in which a client could run; leave it out")


def doors(target: Target, where: Meter) -> Doors:
    """Give the doors that the client is to ask at."""
    return _Inside(target) if where == INSIDE and isinstance(target, Observed) else target


@contextmanager
def place(target: Target, where: Meter) -> Iterator[Sequence[str]]:
    """Have the place for a while; gives the command that runs the client there."""
    if where == INSIDE and isinstance(target, Observed):
        with target.observer() as argv:
            yield argv
    else:
        yield handle.CLIENT
