"""The queue worker's drills, tried in their negative: each promise, broken, makes its drill fail."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from reports.outcome import Outcome
from targets import where
from targets.lab.ready import client
from tests.test_negative import DRILLS, edited

Drill = Callable[..., Outcome]

KILLED, BACKLOG = DRILLS["test_killed_in_the_middle_of_a_job"], DRILLS["test_backlog_worked_off"]
POISONED = ["test_poisoned_jobs", "test_jobs_that_crash_their_worker"]
TICK_OFF = "update jobs set done_at = clock_timestamp() where done_at is null and ledger not in ('canary', %s)"


def lose_open_jobs() -> int:
    """Act as a worker that ticks its jobs off before it does them, and then dies: entries gone, rows done."""
    target = where.target()
    (primary,), (master,) = target.nodes("postgres", "primary"), target.nodes("redis", "master")
    with client(int(master.endpoint.rpartition(":")[2])) as redis:
        redis.delete(*redis.keys("queue:*"), *redis.keys("processing:*"))
    with psycopg.connect(primary.endpoint, autocommit=True) as connection:
        return connection.execute(TICK_OFF, ("drillyard-long",)).rowcount


def step(script: dict[str, Any], name: str) -> dict[str, Any]:
    """Find a step of the method."""
    found: dict[str, Any] = next(each for each in script["method"] if each["name"] == name)
    return found


def arguments(script: dict[str, Any], name: str) -> dict[str, Any]:
    """Find the arguments of a step, to be changed."""
    found: dict[str, Any] = step(script, name)["provider"]["arguments"]
    return found


def test_jobs_that_were_ticked_off_and_not_done_are_lost(drill: Drill) -> None:
    script = edited(KILLED.experiment)
    provider = {"type": "python", "module": "tests.test_negative_worker", "func": "lose_open_jobs"}
    at = script["method"].index(step(script, "kill the worker")) + 1
    script["method"].insert(at, {"type": "action", "name": "lose what is open", "provider": provider})
    outcome = drill(script, **KILLED.held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.writes.lost
    assert outcome.put_back


def test_a_kill_between_two_jobs_proves_nothing(drill: Drill) -> None:
    script = edited(KILLED.experiment)
    arguments(script, "give the worker three long jobs and see it at all of them")["takes_s"] = 0
    outcome = drill(script, **KILLED.held_to)
    assert not outcome.met, outcome
    assert "the kill caught all three in the middle" in repr(outcome)


def test_a_backlog_that_is_not_worked_off_is_missed(drill: Drill) -> None:
    script = edited(BACKLOG.experiment, without=("let the worker go on",))
    arguments(script, "the backlog is worked off within five seconds")["timeout_s"] = 2
    outcome = drill(script, **BACKLOG.held_to | {"rto": "3 s"})
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_backlog_that_is_worked_off_too_slowly_is_not_met(drill: Drill) -> None:
    script = edited(BACKLOG.experiment)
    arguments(script, "the backlog is worked off within five seconds")["timeout_s"] = 0
    outcome = drill(script, **BACKLOG.held_to)
    assert not outcome.met, outcome
    assert "the backlog is worked off" in repr(outcome)


@pytest.mark.parametrize("name", POISONED)
def test_poison_for_which_everybody_waits_is_missed(drill: Drill, name: str) -> None:
    script = edited(DRILLS[name].experiment)
    arguments(script, "put poisoned jobs into the queue").update(count=60, takes_s=1)
    arguments(script, "they are given up after their attempts")["timeout_s"] = 3
    outcome = drill(script, **DRILLS[name].held_to | {"rto": "1 s"})
    assert outcome.verdict == "missed", outcome
    assert outcome.rto_s is None or outcome.rto_s > 1
    assert outcome.put_back


@pytest.mark.parametrize("name", POISONED)
def test_poison_that_is_not_given_up_is_not_met(drill: Drill, name: str) -> None:
    script = edited(DRILLS[name].experiment)
    arguments(script, "put poisoned jobs into the queue").update(count=1, takes_s=3)
    arguments(script, "they are given up after their attempts").update(count=1, timeout_s=2)
    outcome = drill(script, **DRILLS[name].held_to)
    assert not outcome.met, outcome
    assert "they are given up after their attempts" in repr(outcome)
    assert outcome.put_back
