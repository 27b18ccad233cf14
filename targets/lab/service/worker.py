"""The queue worker: takes jobs, marks their orders done; enqueues again what got lost on the way.

A job stays in the worker's own processing list until its order is marked, so a killed worker loses none.
A job that the database refuses is tried three times; a database that is away is waited for.
"""

import json
import os
import time
from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

PRIORITIES = ("high", "medium", "low")
ATTEMPTS = 3
LOOK_EVERY_S = 0.2
SWEEP_EVERY_S = 1.0
LOST_AFTER_S = 3
HEARTBEAT_TTL_S = 3
AGAIN_AFTER_S = 0.1


class Worker:
    """One worker process."""

    def __init__(self, name: str, database: str, redis_url: str) -> None:
        self.name = name
        self.processing = f"processing:{name}"
        self._url = database
        self._database: psycopg.Connection[Any] | None = None
        self._queue: redis.Redis = master(redis_url)
        self._swept = 0.0

    def database(self) -> psycopg.Connection[Any]:
        """Give the connection to the primary, a new one when there is none."""
        if self._database is None or self._database.closed:
            options = "-c statement_timeout=2000 -c synchronous_commit=local"  # marking twice does no harm
            self._database = psycopg.connect(self._url, autocommit=True, options=options, tcp_user_timeout=2000)
        return self._database

    def take_back(self) -> None:
        """Put what an earlier life left unfinished back at the queues' ends."""
        while self._queue.lmove(self.processing, "queue:high", "RIGHT", "RIGHT"):
            pass

    def step(self) -> None:
        """Do one job, or find that there is none."""
        if time.monotonic() - self._swept > SWEEP_EVERY_S:
            self._queue.set(f"worker:{self.name}:alive", str(time.time()), ex=HEARTBEAT_TTL_S)
            self.sweep()
            self._swept = time.monotonic()
        if job := self.next_job():
            self.do(job)

    def next_job(self) -> str | None:
        """Move the next job, by priority, into the processing list."""
        for priority in PRIORITIES:
            if job := self._queue.lmove(f"queue:{priority}", self.processing, "RIGHT", "LEFT"):
                return str(job)
        job = self._queue.blmove("queue:medium", self.processing, LOOK_EVERY_S, "RIGHT", "LEFT")  # type: ignore[arg-type]
        return str(job) if job else None

    def do(self, job: str) -> None:
        """Mark the job's order done; the job leaves the processing list whatever comes of it."""
        done = self.mark(job)
        with self._queue.pipeline() as pipe:
            pipe.lrem(self.processing, 1, job)
            if not done:
                self._again(pipe, job)
            pipe.execute()

    def mark(self, job: str) -> bool:
        """Mark an order done; False when the job is no good."""
        try:
            order = int(json.loads(job)["order"])
        except (ValueError, TypeError, KeyError):
            return False
        sql = "update orders set done_at = coalesce(done_at, clock_timestamp()) where id = %s"
        return self.database().execute(sql, (order,)).rowcount == 1

    def _again(self, pipe: Any, job: str) -> None:
        try:
            known = json.loads(job)
            known["attempts"] = int(known.get("attempts", 0)) + 1
        except (ValueError, TypeError, AttributeError):
            pipe.lpush("queue:failed", job)
            return
        where = "queue:failed" if known["attempts"] >= ATTEMPTS else "queue:low"
        pipe.lpush(where, json.dumps(known))

    def sweep(self) -> None:
        """Enqueue orders whose job never arrived, or went down with a Redis master."""
        if any(self._queue.llen(f"queue:{priority}") for priority in PRIORITIES):
            return  # a backlog is not a loss
        sql = """update orders set enqueued_at = clock_timestamp() where id in (
            select id from orders where done_at is null
            and enqueued_at < clock_timestamp() - make_interval(secs => %s) order by enqueued_at limit 500)
            returning id, priority"""
        for order, priority in self.database().execute(sql, (LOST_AFTER_S,)).fetchall():
            self._queue.lpush(f"queue:{priority}", json.dumps({"order": order, "attempts": 0}))


def master(url: str) -> redis.Redis:
    """Give a client that asks the sentinels for the master at every new connection."""
    parts = urlsplit(url)
    hosts = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in parts.netloc.split(","))]
    options: dict[str, Any] = {"socket_timeout": 1.0, "decode_responses": True, "retry": Retry(NoBackoff(), 0)}
    sentinel = Sentinel(hosts, sentinel_kwargs=options | {"socket_timeout": 0.25}, **options)  # type: ignore[no-untyped-call]
    found: redis.Redis = sentinel.master_for(parts.path.strip("/"), **options)  # type: ignore[no-untyped-call]
    return found


def main() -> None:
    """Work until killed; a dependency that is away is waited for."""
    worker = Worker(os.environ["LAB_NAME"], os.environ["LAB_POSTGRES"], os.environ["LAB_REDIS"])
    fresh = True
    while True:
        try:
            if fresh:
                worker.take_back()
                fresh = False
            worker.step()
        except (RedisError, psycopg.Error, OSError) as error:
            print(f"worker: {type(error).__name__}: {error}", flush=True)
            fresh = True  # a job may still lie in the processing list
            time.sleep(AGAIN_AFTER_S)


if __name__ == "__main__":
    main()
