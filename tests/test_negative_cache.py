"""The cache drill's promises, each tried in its negative."""

from collections.abc import Callable
from typing import Any

from reports.outcome import Outcome
from tests.test_negative import DRILLS, edited, kill_of_the_api

Drill = Callable[..., Outcome]
HELD_TO = DRILLS["test_cache_flushed"].held_to


def outage_of_redis() -> dict[str, Any]:
    return kill_of_the_api() | {
        "name": "take Redis away, too",
        "provider": {
            "type": "python",
            "module": "rollback.actions",
            "func": "inject",
            "arguments": {"fault": "outage", "component": "redis"},
        },
    }


def test_a_cache_that_stays_cold_is_missed_although_callers_are_served(drill: Drill) -> None:
    script = edited("cache-flushed")
    script["method"].insert(1, outage_of_redis())
    for probe in (script["method"][-1], script["steady-state-hypothesis"]["probes"][0]):
        probe["provider"]["arguments"]["within_s"] = 3
    outcome = drill(script, component="catalogue", rto="5 s")
    assert outcome.verdict == "missed", outcome
    assert "'the cache answers nine reads of ten' saw 0.0" in repr(outcome)
    assert outcome.put_back


def test_callers_who_are_not_served_meanwhile_are_seen(drill: Drill) -> None:
    script = edited("cache-flushed")
    script["method"] = [script["method"][0], kill_of_the_api()]
    outcome = drill(script, **HELD_TO | {"rto": "1 ms"})
    assert outcome.verdict == "missed", outcome
    assert outcome.spared_hit
