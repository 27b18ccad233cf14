"""The negative trials of the API's drills beyond those that every drill has."""

from collections.abc import Callable
from typing import Any

from reports.outcome import Outcome
from tests.test_negative import DRILLS, edited, kill_of_the_api

Drill = Callable[..., Outcome]


def injecting(name: str, step: str, **arguments: Any) -> dict[str, Any]:
    """Load an experiment with other arguments for the injection of that name."""
    script = edited(name)
    (found,) = (activity for activity in script["method"] if activity["name"] == step)
    found["provider"]["arguments"] |= arguments
    return script


def test_a_second_replica_killed_is_noticed(drill: Drill) -> None:
    outcome = drill(
        injecting("api-one-killed", "kill one replica", count=2), **DRILLS["test_one_replica_killed"].held_to
    )
    assert outcome.rto_s is not None
    assert outcome.rto_s > 0.02, outcome  # what the drill asserts beside its objective
    assert outcome.put_back


def test_a_second_replica_frozen_is_missed(drill: Drill) -> None:
    script = injecting("api-frozen", "freeze one replica", count=2)
    outcome = drill(script, **DRILLS["test_one_replica_frozen"].held_to | {"rto": "500 ms"})
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_frozen_replica_that_nobody_replaces_in_time_is_not_met(drill: Drill) -> None:
    script = edited("api-frozen")
    script["method"][-1]["provider"]["arguments"]["timeout_s"] = 0.1
    outcome = drill(script, **DRILLS["test_one_replica_frozen"].held_to)
    assert not outcome.met, outcome  # missed, when the look afterwards falls into the replacement
    assert "every node of api to answer" in repr(outcome)
    assert outcome.put_back


def test_memory_that_takes_the_api_down_is_missed(drill: Drill) -> None:
    script = edited("api-memory")
    script["method"].insert(1, kill_of_the_api())
    outcome = drill(script, **DRILLS["test_memory_taken"].held_to | {"rto": "1 ms"})
    assert outcome.verdict == "missed", outcome


def test_memory_that_is_not_held_is_not_met(drill: Drill) -> None:
    script = injecting("api-memory", "take memory beside the API", megabytes=1)
    script["method"][1]["provider"]["arguments"]["timeout_s"] = 1
    outcome = drill(script, **DRILLS["test_memory_taken"].held_to)
    assert outcome.verdict == "unknown", outcome
    assert "512 megabytes to be held beside api" in repr(outcome)


def test_without_the_runbook_a_crash_loop_is_missed(drill: Drill) -> None:
    without = ("see the crash loop and restore the previous release", "every replica is well on the previous release")
    outcome = drill(edited("api-crash-loop", without=without), component="api", rto="2 s")
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_without_more_replicas_the_flood_is_missed(drill: Drill) -> None:
    without = ("see that callers are refused and have four replicas", "others are served")
    outcome = drill(edited("api-flooded", without=without), component="api", rto="1 s")
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_flood_that_two_replicas_hold_is_not_met(drill: Drill) -> None:
    script = injecting("api-flooded", "let more callers come than there is room for", callers=50)
    script["method"][1]["provider"]["arguments"]["timeout_s"] = 1
    outcome = drill(script, **DRILLS["test_scaled_up_under_load"].held_to)
    assert not outcome.met, outcome
    assert "to answer /health with 503" in repr(outcome)
