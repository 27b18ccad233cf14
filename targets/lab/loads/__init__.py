"""What can be set to work beside a node: one program per kind, `python -I -S <kind>.py SECONDS [KEY=VALUE ...]`.

It runs in the node's folder (node.json says where everybody is), ends by itself after SECONDS even when everybody
else is dead, and holds nothing that outlives it.  Standard library only, without the house.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from targets.target import BadInput, TargetError
from targets.waiting import until

PROGRAMS = Path(__file__).parent
SEEN_WITHIN_S = 5.0


def program(kind: str) -> Path:
    """Find the program of a kind. BadInput names those that there are."""
    found = {path.stem: path for path in PROGRAMS.glob("*.py") if path.stem != "__init__"}
    if kind not in found:
        raise BadInput(f"the lab has no load of kind {kind!r}; there are {', '.join(sorted(found))}")
    return found[kind]


def load_of(line: str) -> str:
    """Read the id of a load from the command line of its program; "" for another program."""
    match = re.search(r"/loads/\w+\.py .*load=(\S+)$", line)
    return match[1] if match else ""


def await_work(at_work: Callable[[], int], workers: int) -> None:
    """Wait until so many programs that somebody else has started are seen: an undo that comes before would miss them.

    Whether those that are never seen have failed, or have ended already, is for the fault to say.
    """
    with suppress(TargetError):
        until(lambda: at_work() >= workers, SEEN_WITHIN_S, "programs to be at work")
