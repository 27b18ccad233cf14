"""Which drill dies of what, and when: all of it follows from a seed and a number."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

SIGKILL = "SIGKILL"
FROZEN = "SIGSTOP beyond the TTL"
TIMEOUTS = {"pytest-timeout, signal": "signal", "pytest-timeout, thread": "thread"}
WORKER = "xdist worker killed"
BOTH = "harness and watchdog killed"
DISK_FULL = "the journal's disk full"
MEMORY = "out of memory"
TAKEN = "out of memory, watchdog too"  # as the kernel chose: nobody draws it
UNDISTURBED = "undisturbed"  # no death: how long the drill takes, and that it leaves nothing by itself

DEATHS = (
    SIGKILL,
    "SIGTERM",
    "SIGHUP",
    "SIGINT",
    "SIGINT twice",
    FROZEN,
    "os._exit",
    "segfault",
    *TIMEOUTS,
    WORKER,
    BOTH,
    DISK_FULL,
    MEMORY,
)
SIGKILLS = 4  # for one of each other: it has a goal of its own, and its 95th percentile needs many
EPHEMERAL = 1 / 8  # of the cases have a lab that is the harness's own, and has to go with it


@dataclass(frozen=True, kw_only=True)
class Case:
    """One harness and its death."""

    index: int
    drill: str  # "drills/test_api.py::test_every_replica_killed"
    death: str
    share: float  # of the drill's time, after which it dies
    dice: float  # decides what else there is to decide
    ephemeral: bool = False

    @property
    def named(self) -> str:
        """Name its drill as pytest's -k does."""
        return self.drill.rpartition("::")[2]


def case(seed: int, index: int, drills: Sequence[str]) -> Case:
    """Draw one; the same every time for the same seed, number and drills."""
    chance = random.Random(f"{seed}/{index}")
    drill = chance.choice(sorted(drills))
    death = chance.choices(DEATHS, [SIGKILLS if death == SIGKILL else 1 for death in DEATHS])[0]
    share, dice, ephemeral = chance.random(), chance.random(), chance.random() < EPHEMERAL
    return Case(index=index, drill=drill, death=death, share=share, dice=dice, ephemeral=ephemeral)


def undisturbed(drill: str) -> Case:
    """Let a drill come to its end."""
    return Case(index=-1, drill=drill, death=UNDISTURBED, share=1.0, dice=0.0)
