"""Liveness probes, as a kubelet makes them: a node that runs and does not answer is killed, and so restarted.

They go past the links, as a kubelet's do: a node that is cut off lives.
"""

import asyncio
from contextlib import suppress

from targets.lab.nodes import NodeProcess
from targets.lab.serving import serves
from targets.target import DrillyardError

EVERY_S = 0.5
ANSWER_S = 0.5
MISSES = 3  # in a row
STARTUP_MISSES = 60  # until its first answer a node is still starting


async def watch(node: NodeProcess) -> None:
    """Ask a node for as long as the lab is up, and kill what does not answer any more."""
    asked, has_answered, misses = None, False, 0
    while True:
        await asyncio.sleep(EVERY_S)
        running = node.incarnation
        if running != asked:
            asked, has_answered, misses = running, False, 0
        if running is None:
            continue
        answers = await serves(node.part.component, node.folder, ANSWER_S)
        has_answered = has_answered or answers
        misses = 0 if answers else misses + 1
        if misses >= (MISSES if has_answered else STARTUP_MISSES):
            node.note(f"no answer to {misses} liveness probes: killing it")
            with suppress(DrillyardError):  # it has ended by itself
                await node.kill(running)
