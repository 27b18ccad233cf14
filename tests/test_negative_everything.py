"""The negative trials of the drills of the whole system beyond those that every drill has."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.outcome import Outcome
from targets.target import Target
from tests.test_negative import DRILLS, edited

Drill = Callable[..., Outcome]


@pytest.mark.parametrize("name", ["zone-lost", "everything-killed"])
def test_without_the_runbook_what_is_lost_stays_lost(drill: Drill, name: str) -> None:
    script = edited(name)
    script["method"] = script["method"][:1]
    outcome = drill(script, component="api", rto="2 s")
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def forgets(folder: Path, nodes: str) -> list[dict[str, Any]]:
    """Remove what the Redis nodes of these names have on disk, as a step each."""
    return [
        {
            "type": "action",
            "name": f"{node.name} loses its disk",
            "provider": {
                "type": "python",
                "module": shutil.__name__,
                "func": "rmtree",
                "arguments": {"path": str(node / "appendonlydir")},
            },
        }
        for node in sorted(folder.glob(nodes))
    ]


def test_a_redis_that_comes_back_empty_is_missed(drill: Drill, target: Target) -> None:
    script = edited("everything-killed")
    script["method"][1:1] = forgets(Path(target.address.partition(":")[2]), "redis-*")
    outcome = drill(script, **DRILLS["test_everything_killed"].held_to | {"also": {"redis": "0 s"}})
    assert outcome.verdict == "missed", outcome
    assert outcome.writes.lost
    assert "of redis-writes" in repr(outcome)
    assert outcome.rpo_objective_s == 0
