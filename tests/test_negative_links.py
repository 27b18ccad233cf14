"""Drills on slow, half-cut, lost and erring ways, each with its own promise broken: then it must not be met."""

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from drills import test_postgres_hosts as hosts
from reports.outcome import Outcome
from targets import s3, where
from targets.waiting import until
from tests.test_negative import DRILLS, edited, kill_of_the_api

Drill = Callable[..., Outcome]


def injection(script: dict[str, Any], fault: str) -> dict[str, Any]:
    """Find the arguments of the injection of that fault."""
    found: dict[str, Any] = next(
        each["provider"]["arguments"]
        for each in script["method"]
        if each["provider"].get("arguments", {}).get("fault") == fault
    )
    return found


def misconfigured(name: str, value: str) -> dict[str, Any]:
    arguments = {"fault": "misconfigure", "component": "postgres", "role": "primary", "name": name, "value": value}
    provider = {"type": "python", "module": "rollback.actions", "func": "inject"}
    return {
        "type": "action",
        "name": f"set {name}",
        "provider": provider | {"arguments": arguments | {"prepares": True}},
    }


def test_a_latency_beyond_the_deadline_of_the_api_is_missed(drill: Drill) -> None:
    script = edited("api-slow-dependency")
    injection(script, "delay")["seconds"] = 0.4  # a round trip of 0.8 s, and the API gives up after 0.75
    outcome = drill(script, **DRILLS["test_slow_dependency"].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_synchronous_commit_that_is_none_is_missed(drill: Drill) -> None:
    script = edited("postgres-host-lost")
    script["method"].insert(0, misconfigured("synchronous_commit", "local"))
    outcome = drill(script, **DRILLS["test_host_lost"].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.writes.lost


def test_a_loss_beyond_its_bound_is_missed(drill: Drill) -> None:
    played = DRILLS["test_host_lost_with_asynchronous_commit"]
    outcome = drill(played.experiment, **played.held_to | {"rpo": "1 ms"})
    assert outcome.verdict == "missed", outcome
    assert outcome.writes.lost


def test_a_loss_that_did_not_show_fails_the_drill(drill: Drill) -> None:
    def waiting_for_a_standby(experiment: str, **held_to: Any) -> Outcome:
        return drill(edited(experiment, without=("let commits wait for no standby",)), **held_to)

    with pytest.raises(AssertionError, match="some had to be lost"):
        hosts.test_host_lost_with_asynchronous_commit(waiting_for_a_standby)


def test_a_commit_that_nobody_vouched_for_is_missed(drill: Drill) -> None:
    script = edited("postgres-half-cut", without=("full redundancy is back",))
    script["method"].insert(0, misconfigured("synchronous_standby_names", ""))
    outcome = drill(script, **DRILLS["test_half_cut"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "the probe 'no commit is confirmed that nobody has vouched for' saw" in repr(outcome)


@pytest.mark.parametrize("name", ["test_object_store_slow", "test_object_store_answers_errors"])
def test_trouble_with_the_store_that_stops_orders_too_is_missed(drill: Drill, name: str) -> None:
    script = edited(DRILLS[name].experiment)
    script["method"].insert(1, kill_of_the_api())
    outcome = drill(script, **DRILLS[name].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.spared_hit


def test_an_upload_that_was_whole_when_the_store_died_is_no_interrupted_one(drill: Drill) -> None:
    script = edited("objects-restarted")
    begun = script["method"][0]
    begun["provider"]["arguments"]["sent"] = begun["provider"]["arguments"]["size"]
    outcome = drill(script, **DRILLS["test_object_store_restarted_in_mid_upload"].held_to)
    assert outcome.verdict == "unknown", outcome
    assert "no upload is under way" in repr(outcome)


def step(script: dict[str, Any], name: str) -> tuple[int, dict[str, Any]]:
    """Find a step of the method by its name, and its place."""
    return next((at, step) for at, step in enumerate(script["method"]) if step["name"] == name)


CLAIM = "insert into documents (key, name, size, state) values (%s, 'interrupted', 2000, 'stored')"


def leave_half(key: str) -> None:
    """Keep what a store should not have kept, as a service would that did not look at what it had got."""
    with psycopg.connect(where.target().endpoint("postgres"), autocommit=True) as connection:
        connection.execute(CLAIM, (key,))
    client, bucket = s3.client(where.target().endpoint("objects"))
    with contextlib.closing(client):
        until(partial(_kept, client, bucket, key), 10, "the store to be there again")


def _kept(client: Any, bucket: str, key: str) -> bool:
    try:
        client.put_object(Bucket=bucket, Key=key, Body=bytes(1000))
    except (BotoCoreError, ClientError):
        return False
    return True


def forget_half(key: str) -> None:
    with psycopg.connect(where.target().endpoint("postgres"), autocommit=True) as connection:
        connection.execute("delete from documents where key = %s", (key,))
    client, bucket = s3.client(where.target().endpoint("objects"))
    client.delete_object(Bucket=bucket, Key=key)
    client.close()


def test_half_an_object_that_stays_is_missed(drill: Drill) -> None:
    script = edited("objects-restarted")
    at, looks = step(script, "nothing is kept of the object that was half there")
    key = looks["provider"]["arguments"]["key"]
    provider = {
        "type": "python",
        "module": "tests.test_negative_links",
        "func": "leave_half",
        "arguments": {"key": key},
    }
    script["method"].insert(at, {"type": "action", "name": "keep half of it", "provider": provider})
    try:
        outcome = drill(script, **DRILLS["test_object_store_restarted_in_mid_upload"].held_to)
    finally:
        forget_half(key)
    assert outcome.verdict == "missed", outcome
    assert "the probe 'nothing is kept of the object that was half there' saw 1000" in repr(outcome)
    assert "the probe 'no document is half-written' saw 1" in repr(outcome)
