"""Harnesses that die at a chosen moment: `python -m tests.conformance.dying` forks one for each line of JSON.

A case says the lab's address, the folder of the state, the fault with its parameters, at which seam the harness is
killed, and whether its watchdog is killed with it.  The answer is the harness's exit status.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from experiments import faults
from rollback import guard
from rollback.arming import Permit
from targets import abilities
from targets.target import Target, attach

# in the order of a drill; "half" is after the first call that changes anything
SEAMS = ("recorded", "half injected", "injected", "stamped", "half healed", "healed")
OF_THE_DOOR = ("half written", "half closed")
CHANGES = {"delete_keys"} | {
    name
    for protocol in vars(abilities).values()
    if getattr(protocol, "_is_protocol", False)
    for name, method in vars(protocol).items()
    if getattr(method, "__annotations__", {}).get("return", "") is None
}  # the calls of a target that act: those that give nothing back, and one that counts


def live(*, address: str, state: str, kind: str, params: dict[str, Any], seam: str, alone: bool) -> None:
    """Be a harness: inject and put back, unless death comes first."""
    os.environ["DRILLYARD_STATE"] = state
    target = attach(address)
    born_ns = time.monotonic_ns()  # not when its parent was: it does not obey the stops that came before it
    with guard.Session(permit=Permit(), drill="sweep", born_ns=born_ns) as session:

        def die(*_: Any, **__: Any) -> NoReturn:
            if alone and session.watchdog:
                os.kill(session.watchdog._process.pid, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("nobody outlives SIGKILL")

        lay(kind, seam, die, type(target))
        guard.inject(session, target, kind, **params)
        if seam == "stamped":
            die()
        session.stop(by="harness")


def lay(kind: str, seam: str, die: Callable[..., NoReturn], lab: type[Target]) -> None:
    """Have the harness die at the seam."""
    fault: Any = faults.load(kind)
    inject, heal = fault.inject, fault.heal
    if seam == "recorded":
        fault.inject = die
    elif seam in ("half injected", "injected"):
        fault.inject = _then(inject, die, half=lab if seam.startswith("half") else None)
    elif seam in ("half healed", "healed"):
        fault.heal = _then(heal, die, half=lab if seam.startswith("half") else None)
    elif seam == "half written":
        Path.replace = die  # type: ignore[method-assign]
    elif seam == "half closed":
        fault.heal = _then(heal, lambda: setattr(Path, "unlink", _of_records(Path.unlink, die)))


def _then(
    work: Callable[..., None], die: Callable[[], object], *, half: type[Target] | None = None
) -> Callable[..., None]:
    def worked(*args: Any) -> None:
        for name in CHANGES & set(dir(half)) if half else ():
            _trip(half, name, die)
        work(*args)
        die()

    return worked


def _trip(lab: type[Target] | None, name: str, die: Callable[[], object]) -> None:
    method = getattr(lab, name)

    def tripped(*args: Any, **options: Any) -> None:
        method(*args, **options)
        die()

    setattr(lab, name, tripped)


def _of_records(unlink: Callable[..., None], die: Callable[..., NoReturn]) -> Callable[..., None]:
    def unlinked(path: Path, **options: Any) -> None:
        if path.parent.name == "open" and path.suffix == ".json" and path.name[0] != ".":
            die()
        unlink(path, **options)

    return unlinked


def main() -> None:
    """Fork a harness for each line, and say how it ended."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                live(**json.loads(line))
            finally:
                os._exit(1)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main()
