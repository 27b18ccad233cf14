"""Which target is meant: by pytest (which says so in the environment) or by a person in a shell."""

import os
from functools import lru_cache

from targets.target import BadInput, Target, attach

VARIABLE = "DRILLYARD_TARGET"


def address() -> str:
    """Say the address that $DRILLYARD_TARGET names, else the only lab that is up. BadInput with the cure otherwise."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    from targets import local  # noqa: PLC0415  the lab's own code is needed in this case only

    labs = local.running()
    if len(labs) == 1:
        return labs[0]
    found = f"{len(labs)} labs are up ({', '.join(labs)})" if labs else "no lab is up"
    raise BadInput(f"{VARIABLE} is not set and {found}. Start one with `python -m targets up local`, or set it.")


def target() -> Target:
    """Open the target that is meant."""
    return _attached(address())


@lru_cache(maxsize=4)
def _attached(address: str) -> Target:
    return attach(address)
