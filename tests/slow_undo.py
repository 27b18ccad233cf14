"""A plugin, `-p tests.slow_undo`: a cut takes longer to heal than pytest-xdist would wait for its workers."""

import time
from typing import Any

from experiments.faults import Plan, partition
from targets.target import Target

TAKES_S = 20.0


def pytest_configure(config: Any) -> None:
    """Be slow from now on."""
    heal = partition.heal

    def slowly(target: Target, plan: Plan) -> None:
        time.sleep(TAKES_S)
        heal(target, plan)

    partition.heal = slowly
