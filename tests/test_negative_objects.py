"""The object store's drill, tried in its negative: confirmed objects that are gone are a loss."""

import copy
from collections.abc import Callable

from experiments import run
from reports.outcome import Outcome


def test_a_store_that_loses_confirmed_objects_is_missed(drill: Callable[..., Outcome]) -> None:
    script = copy.deepcopy(run.load("objects-out"))
    forget = {"type": "python", "module": "tests.vandals", "func": "forget_objects", "arguments": {"count": 3}}
    script["method"].append({"type": "action", "name": "lose three objects", "provider": forget})
    outcome = drill(script, component="objects", rto="20 s", recovered_by="stop", spares=["api"])
    assert outcome.verdict == "missed", outcome
    assert outcome.writes.lost == 3
    assert "3 of " in repr(outcome)
    assert "objects-writes are lost" in repr(outcome)
