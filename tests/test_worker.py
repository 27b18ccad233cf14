"""The queue worker, for real: what it promises about every job, whatever the job's content and whoever dies when."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from targets.abilities import Killable, Partitionable, Pausable
from targets.lab.ready import client
from targets.rules import Rule
from targets.target import Target, create
from targets.waiting import until

LONG_S = 30.0
LOST = Rule(id="no-redis", sources=("worker-1",), destinations=("redis-a", "redis-b", "redis-c"), mode="reject")


@pytest.fixture(scope="module")
def lab() -> Iterator[Any]:
    built = create("local", on_progress=lambda _: None)
    yield built
    built.close()


def ask(lab: Target, method: str, path: str, body: object = None) -> tuple[int, Any]:
    parts = urlsplit(lab.endpoint("api"))
    with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def give(lab: Target, ledger: str, *seqs: int, **more: object) -> None:
    for seq in seqs:
        assert ask(lab, "POST", "/jobs", {"ledger": ledger, "seq": seq, **more})[0] == 202


def listing(lab: Target, ledger: str) -> dict[str, Any]:
    found: dict[str, Any] = ask(lab, "GET", f"/jobs?ledger={ledger}")[1]
    return found


def done(lab: Target, ledger: str) -> Any:
    """Give the executions once nothing is open or queued."""
    found = listing(lab, ledger)
    return found if not found["open"] and not found["queued"] else None


def redis_of(lab: Target) -> Any:
    (master,) = lab.nodes("redis", "master")
    return client(int(master.endpoint.rpartition(":")[2]))


def kill(lab: Target) -> None:
    assert isinstance(lab, Killable)
    instance = lab.incarnation("worker-1")
    assert instance
    lab.kill("worker-1", instance)


def executed(lab: Target, ledger: str) -> list[tuple[int, bool]]:
    """List (attempt, whether it was completed) of a ledger's executions."""
    sql = """select attempt, executions.done_at is not null from executions join jobs on jobs.id = job
    where ledger = %s order by executions.id"""
    (primary,) = lab.nodes("postgres", "primary")
    with psycopg.connect(primary.endpoint, autocommit=True) as connection:
        return [(int(attempt), bool(whole)) for attempt, whole in connection.execute(sql, (ledger,)).fetchall()]


def test_every_job_is_done_once_and_takes_its_time(lab: Target) -> None:
    began = time.monotonic()
    give(lab, "plain", 3, 1, 2, takes_s=0.3)
    assert until(lambda: done(lab, "plain"), LONG_S, "all done")["seqs"] == [1, 2, 3]
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize(
    "job", [{}, {"ledger": "x"}, {"ledger": "x", "seq": 1, "takes_s": -1}, {"ledger": "x", "seq": 1, "takes_s": 1e9}]
)
def test_a_job_that_makes_no_sense_is_not_accepted(lab: Target, job: dict[str, Any]) -> None:
    assert ask(lab, "POST", "/jobs", job)[0] == 400


def test_a_killed_worker_goes_on_with_what_it_held(lab: Target) -> None:
    give(lab, "held", 1, takes_s=0.7)
    until(lambda: executed(lab, "held") == [(1, False)], LONG_S, "it is begun")
    kill(lab)
    assert ask(lab, "GET", "/queues")[1]["processing"] >= 1
    assert until(lambda: done(lab, "held"), LONG_S, "it is done")["seqs"] == [1]
    assert executed(lab, "held") == [(1, False), (2, True)]


def test_a_job_done_and_not_ticked_off_is_done_twice_and_shows_twice(lab: Target) -> None:
    """It is done, and then the worker cannot tell Redis before it dies: at least once is not exactly once."""
    assert isinstance(lab, Partitionable)
    give(lab, "twice", 1, takes_s=0.7)
    until(lambda: executed(lab, "twice") == [(1, False)], LONG_S, "it is begun")
    lab.cut(LOST)
    try:
        until(lambda: executed(lab, "twice") == [(1, True)], LONG_S, "it is done")
        assert listing(lab, "twice")["queued"] >= 1
        kill(lab)
    finally:
        lab.uncut(LOST.id)
    assert until(lambda: done(lab, "twice"), LONG_S, "the queue is empty")["seqs"] == [1, 1]


def test_what_redis_lost_is_done_all_the_same(lab: Target) -> None:
    assert isinstance(lab, Killable)
    assert isinstance(lab, Pausable)
    instance = lab.incarnation("worker-1")
    assert instance
    lab.pause("worker-1", instance)
    give(lab, "swept", *range(20))
    with redis_of(lab) as redis:
        redis.delete("queue:high", "queue:medium", "queue:low")
    lab.resume("worker-1")
    assert until(lambda: done(lab, "swept"), LONG_S, "the sweep found them")["seqs"] == list(range(20))


def test_a_long_job_is_not_taken_for_a_lost_one(lab: Target) -> None:
    give(lab, "long", 1, takes_s=4)
    assert until(lambda: done(lab, "long"), LONG_S, "it is done")["seqs"] == [1]
    assert executed(lab, "long") == [(1, True)]


def test_whatever_a_job_holds_it_ends_in_failed_and_the_others_go_on(lab: Target) -> None:
    bad = ["no JSON", "[1]", "7", "{}", '{"order": Infinity}', '{"order": -1}', '{"job": 1e400}', "[" * 100_000]
    bad += ['{"job": "x"}', '{"job": 99999999999999999999999}', '{"order": null}', '{"order": [1], "takes_s": "x"}']
    bad += ['{"ends": "exit"}', '{"ends": "crash"}', '{"ends": "raise"}']
    with redis_of(lab) as redis:
        for text in bad:
            redis.lpush("queue:high", text)
        give(lab, "others", *range(10))
        assert until(lambda: listing(lab, "others")["open"] == 0, LONG_S, "the others are done")
        until(lambda: redis.llen("queue:failed") == len(bad), LONG_S, "all are given up")
        assert Counter(redis.lrange("queue:failed", 0, -1)) == Counter(bad)
        until(lambda: not ask(lab, "GET", "/queues")[1]["processing"], LONG_S, "nothing is held")
        assert redis.hlen("attempts") == redis.hlen("begun") == 0
        redis.delete("queue:failed")
    assert listing(lab, "others")["seqs"] == list(range(10))


def test_a_job_that_was_given_up_stays_given_up(lab: Target) -> None:
    """Its row is marked, so the sweep leaves it alone; it is not open, and was not done."""
    (primary,) = lab.nodes("postgres", "primary")
    with psycopg.connect(primary.endpoint, autocommit=True) as connection, redis_of(lab) as redis:
        sql = "insert into jobs (ledger, seq, takes_s) values ('bad', 1, 1e6) returning id"
        (job,) = connection.execute(sql).fetchall()[0]  # its entry never got to Redis, and no worker can do it
        failed = until(lambda: redis.lrange("queue:failed", 0, -1), LONG_S, "it is given up")
        assert [json.loads(text)["job"] for text in failed] == [job]
        time.sleep(2.5)  # longer than the sweep waits
        assert redis.llen("queue:failed") == 1
        redis.delete("queue:failed")
    assert listing(lab, "bad") == {"seqs": [], "open": 0, "queued": 0}


def test_an_idle_queue_hides_no_dead_worker(lab: Target) -> None:
    assert isinstance(lab, Killable)
    assert isinstance(lab, Pausable)
    late = "/jobs/punctual?within_s=0.6"
    assert ask(lab, "POST", late)[0] == 200
    until(lambda: not listing(lab, "none")["queued"], LONG_S, "the queue is empty")
    instance = lab.incarnation("worker-1")
    assert instance
    lab.pause("worker-1", instance)
    try:
        until(lambda: ask(lab, "POST", late)[0] == 503, LONG_S, "the canary is late")
    finally:
        lab.resume("worker-1")
    until(lambda: ask(lab, "POST", late)[0] == 200, LONG_S, "the canary is done")
