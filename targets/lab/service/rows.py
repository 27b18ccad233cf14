"""The rows behind the jobs, from one of the worker's processes; and the way to the Redis master."""

from typing import Any
from urllib.parse import urlsplit

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

# marks wait for no disk and no standby: a mark that is lost with its server leaves the job open, and it is done again
_OPTIONS = "-c statement_timeout=2000 -c synchronous_commit=off"
_TABLES = {"order": "orders", "job": "jobs"}
BEGIN = "insert into executions (job, attempt, slot) select id, %s, %s from jobs where id = %s returning id"
FINISH = """with done as (update executions set done_at = clock_timestamp() where id = %s returning job)
update jobs set done_at = coalesce(jobs.done_at, clock_timestamp()) from done where jobs.id = done.job"""
FINISH_ORDER = "update orders set done_at = coalesce(done_at, clock_timestamp()) where id = %s returning id"
GIVE_UP = "update {table} set failed_at = clock_timestamp() where id = %s"
ENQUEUE_AGAIN = """update {table} set enqueued_at = clock_timestamp()
where id = any(%s) and done_at is null and failed_at is null returning id"""
LOST = """select id, priority, {takes} from {table} where done_at is null and failed_at is null
and enqueued_at < clock_timestamp() - make_interval(secs => %s) order by enqueued_at limit 500"""


class Away(Exception):
    """A dependency does not answer, or not as what it has to be: to be waited for, no fault of the job's."""


class Rows:
    """One connection to the primary, made anew after every trouble."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def begin(self, job: int, attempt: int, slot: str) -> int:
        """Note that a job is begun, and give the execution's id. LookupError when there is no such job."""
        return int(self._one(BEGIN, (attempt, slot, job))[0])

    def finish(self, execution: int) -> None:
        """Note in one transaction that the execution is whole, and its job done."""
        self._run(FINISH, (execution,))

    def finish_order(self, order: int) -> None:
        """Mark an order done. LookupError when there is none."""
        self._one(FINISH_ORDER, (order,))

    def give_up(self, kind: str, job: int) -> None:
        """Mark a job, or an order, as given up: it is not enqueued again."""
        self._run(GIVE_UP.format(table=_TABLES[kind]), (job,))

    def unfinished(self, kind: str, older_than_s: float) -> list[tuple[int, str, float]]:
        """List id, priority and takes_s of what was enqueued longer ago than that, and is neither done nor given up."""
        sql = LOST.format(table=_TABLES[kind], takes="takes_s" if kind == "job" else "0")
        return [(int(i), str(p), float(t)) for i, p, t in self._run(sql, (older_than_s,))]

    def enqueue_again(self, kind: str, jobs: list[int]) -> list[int]:
        """Note that these are enqueued at this moment, and give those that are still neither done nor given up."""
        return [int(job) for (job,) in self._run(ENQUEUE_AGAIN.format(table=_TABLES[kind]), (jobs,))]

    def _one(self, sql: str, values: tuple[Any, ...]) -> Any:
        found = self._run(sql, values)
        if not found:
            raise LookupError(f"no row for {values}")
        return found[0]

    def _run(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._url, autocommit=True, options=_OPTIONS, tcp_user_timeout=2000)
            cursor = self._connection.execute(sql.encode(), values)
            return cursor.fetchall() if cursor.description else []
        except (psycopg.DataError, psycopg.IntegrityError):
            raise  # the job's own fault; the connection is as good as before
        except psycopg.Error as error:
            self._forget()  # whatever it is, a server that was demoted included: find the primary anew
            raise Away(f"postgres: {error}") from error

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def master(url: str) -> redis.Redis:
    """Give a client that asks the sentinels for the master at every new connection."""
    parts = urlsplit(url)
    hosts = [(host, int(port)) for host, _, port in (one.rpartition(":") for one in parts.netloc.split(","))]
    options: dict[str, Any] = {"socket_timeout": 1.0, "decode_responses": True, "retry": Retry(NoBackoff(), 0)}
    sentinel = Sentinel(hosts, sentinel_kwargs=options | {"socket_timeout": 0.25}, **options)  # type: ignore[no-untyped-call]
    found: redis.Redis = sentinel.master_for(parts.path.strip("/"), **options)  # type: ignore[no-untyped-call]
    return found


AWAY = (Away, RedisError, OSError)
