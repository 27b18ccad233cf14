"""Which target is meant: by pytest (which says so in the environment) or by a person in a shell."""

import os
from collections.abc import Callable
from functools import lru_cache

from targets.target import BadInput, Target, attach

VARIABLE = "DRILLYARD_TARGET"
IMAGE = "DRILLYARD_LAB_IMAGE"  # what --lab-image names
KIND_CLUSTER = "DRILLYARD_KIND_CLUSTER"  # what --kind-cluster names
OBSERVER_IMAGE = "DRILLYARD_OBSERVER_IMAGE"  # what --observer-image names
SYSTEM = "DRILLYARD_SYSTEM"  # what --system names


def address() -> str:
    """Say the address that $DRILLYARD_TARGET names, else the only lab that is up. BadInput with the cure otherwise."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    from targets import labs  # noqa: PLC0415  the labs' own code is needed in this case only

    up = labs.running()
    if len(up) == 1:
        return up[0]
    found = f"{len(up)} labs are up ({', '.join(up)})" if up else "no lab is up"
    raise BadInput(f"{VARIABLE} is not set and {found}. Start one with `python -m targets up local`, or set it.")


def target() -> Target:
    """Open the target that is meant."""
    return _attached(address())


_ask_first: list[Callable[[], None]] = []


def ask_first(check: Callable[[], None] | None) -> None:
    """Have recoveries ask whether they may still act (None: nobody); `check` raises when they may not."""
    _ask_first[:] = [check] if check else []


def check_may_act() -> None:
    """Raise when what a recovery answers was put back meanwhile: two that act at once may leave two primaries.

    To be asked at the last moment before what cannot be taken back: a harness may have been frozen until now.
    """
    for check in _ask_first:
        check()


@lru_cache(maxsize=4)
def _attached(address: str) -> Target:
    return attach(address)
