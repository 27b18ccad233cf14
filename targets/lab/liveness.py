"""Liveness probes, as a kubelet makes them: a node that runs and does not answer is killed, and so restarted.

They go past the links, as a kubelet's do: a node that is cut off lives.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from targets.lab.nodes import NodeProcess
from targets.lab.serving import serves
from targets.target import DrillyardError

EVERY_S = 0.5
ANSWER_S = 0.5
MISSES = 3  # in a row
STARTUP_MISSES = 60  # until its first answer a node is still starting


@dataclass
class Probes:
    """What one instance of a node has answered so far."""

    has_answered: bool = False
    misses: int = 0

    def dead(self, *, answers: bool) -> bool:
        """Take in the next answer, or that there was none; True when it has to be replaced."""
        self.has_answered = self.has_answered or answers
        self.misses = 0 if answers else self.misses + 1
        return self.misses >= (MISSES if self.has_answered else STARTUP_MISSES)


async def watch(node: NodeProcess) -> None:
    """Ask a node for as long as the lab is up, and kill what does not answer any more."""
    asked, probes = None, Probes()
    while True:
        await asyncio.sleep(EVERY_S)
        running = node.incarnation
        if running != asked:
            asked, probes = running, Probes()
        if running is None:
            continue
        if probes.dead(answers=await serves(node.part.component, node.folder, ANSWER_S)):
            node.note(f"no answer to {probes.misses} liveness probes: killing it")
            with suppress(DrillyardError):  # it has ended by itself
                await node.kill(running)
