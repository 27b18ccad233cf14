"""Probes of what works beside a component: whether a neighbour that is to disturb it is really there."""

import re
import sys

from targets.abilities import Loadable
from targets.target import BadInput, Node, TargetError
from targets.waiting import until
from targets.where import target

ANSWER_S = 5.0
# the resident kilobytes of every memory program that stands in this folder, from /proc
_RESIDENT = """
import os, re
total = 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        words = open(f"/proc/{pid}/cmdline", "rb").read()
        if b"/memory.py" in words and os.readlink(f"/proc/{pid}/cwd") == os.getcwd():
            total += int(re.search(r"VmRSS:\\s+(\\d+)", open(f"/proc/{pid}/status").read()).group(1))
    except (OSError, AttributeError):
        pass
print("resident", total)
"""


def at_work(kind: str) -> int:
    """Count the loads of a fault ("flood", "stress") that go on.

    To be trusted for what it says: their programs run; what they do to the service is for the other probes.
    """
    found = target()
    if not isinstance(found, Loadable):
        raise BadInput(f"the target {found.address} cannot tell what works beside its nodes")
    return sum(load.startswith(f"{kind}-") for load in found.loads())


def await_held(component: str, megabytes: int, timeout_s: float = 10.0) -> int:
    """Wait until memory programs beside a component's nodes hold that much, and give what they hold, in megabytes.

    To be trusted because the kernel counts what is resident.  TargetError after `timeout_s`.
    """
    nodes = target().nodes(component)
    return until(
        lambda: held if (held := sum(map(_held, nodes))) >= megabytes else None,
        timeout_s,
        f"{megabytes} megabytes to be held beside {component}",
    )


def _held(node: Node) -> int:
    said = target().run(node, [sys.executable, "-I", "-S", "-c", _RESIDENT], timeout=ANSWER_S)
    found = re.search(r"resident (\d+)", said.out)
    if not found:
        raise TargetError(f"{node.name}: cannot tell what is held there: {said.err.strip()[-200:]}")
    return int(found.group(1)) >> 10
