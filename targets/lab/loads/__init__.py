"""What can be set to work beside a node: one program per kind, `python -I -S <kind>.py SECONDS [KEY=VALUE ...]`.

It runs in the node's folder (node.json says where everybody is), ends by itself after SECONDS even when everybody
else is dead, and holds nothing that outlives it.  Standard library only, without the house.
"""

import re
from pathlib import Path

from targets.target import BadInput

PROGRAMS = Path(__file__).parent


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
