"""Probes of the job queue, as its own service counts it, and the long jobs that a drill gives it to be caught at."""

import json
import time
from typing import Any

from probes import http
from targets.target import TargetError
from targets.waiting import until

LONG = "drillyard-long"  # the ledger of the long jobs
WITHIN_S = 1.0


def waiting() -> int:
    """Count the jobs that wait in the queues. TargetError when they cannot be counted.

    To be trusted because Redis counts them, all queues at one moment.
    """
    counts = _counts()
    return counts["high"] + counts["medium"] + counts["low"]


def in_hand() -> int:
    """Count the jobs that workers have taken and not finished. TargetError when they cannot be counted.

    To be trusted as the queue's own books: a job stays there while its worker is dead.
    """
    return _counts()["processing"]


def failed() -> int:
    """Count the jobs that were given up. TargetError when they cannot be counted."""
    return _counts()["failed"]


def await_failed(count: int, timeout_s: float) -> int:
    """Wait until `count` jobs were given up, say how many were; TargetError after `timeout_s` seconds."""
    return until(lambda: seen if (seen := failed()) >= count else None, timeout_s, f"{count} jobs to be given up")


def await_backlog(count: int, timeout_s: float) -> int:
    """Wait until `count` jobs wait in the queues, say how many do; TargetError after `timeout_s` seconds."""
    return until(lambda: seen if (seen := waiting()) >= count else None, timeout_s, f"a backlog of {count} jobs")


def await_drained(timeout_s: float) -> dict[str, Any]:
    """Wait until no job waits and none is late: {"backlog": n, "took_s": ..., "rate_per_s": ..., "drained_ns": ...}.

    `backlog` is what waited at first and `rate_per_s` the jobs done a second meanwhile, whatever was added on top.
    To be trusted because two books must agree: the queues are empty for a moment, and no accepted job's row is open
    for longer than a second, which a queue that lost its entries would show.  TargetError after `timeout_s` seconds.
    """
    backlog, began, done = waiting(), time.monotonic(), _done()
    until(lambda: waiting() == 0 and _punctual(), timeout_s, "the backlog to be drained")
    ended_ns = time.monotonic_ns()
    took_s = ended_ns / 1e9 - began
    rate = (_done() - done) / took_s
    return {"backlog": backlog, "took_s": round(took_s, 3), "rate_per_s": round(rate, 1), "drained_ns": ended_ns}


def give_long_jobs(count: int, takes_s: float, timeout_s: float = 5.0) -> int:
    """Enqueue jobs that take `takes_s` seconds each, wait until the workers are at all of them; says how many are.

    TargetError when a job is not accepted, or not all are begun within `timeout_s` seconds.
    """
    numbers = [time.time_ns() + n for n in range(count)]
    for seq in numbers:
        body = json.dumps({"ledger": LONG, "seq": seq, "takes_s": takes_s, "priority": "high"})
        answer = http.ask("api", "/jobs", method="POST", body=body)
        if answer.status != 202:
            raise TargetError(f"api: a long job was answered with HTTP {answer.status}")
    until(lambda: sum(job["begun"] > 0 for job in _newest(count)) == count, timeout_s, f"{count} long jobs to be begun")
    return count


def interrupted(count: int) -> int:
    """Say how many of the newest `count` long jobs were begun, not finished, and then begun again and done.

    To be trusted because each beginning is written down before the work and completed after it: no other history
    than a worker that was lost in the middle of the job leaves such rows.
    """
    return sum(job["begun"] > job["done"] > 0 for job in _newest(count))


def await_long_jobs(count: int, timeout_s: float) -> int:
    """Wait until the newest `count` long jobs are done, say how many are; TargetError after `timeout_s` seconds."""
    until(lambda: all(job["done"] for job in _newest(count)), timeout_s, f"{count} long jobs to be done")
    return count


def _punctual() -> bool:
    return http.ask("api", f"/jobs/punctual?within_s={WITHIN_S:g}", method="POST").status == 200


def _newest(count: int) -> list[dict[str, int]]:
    found: list[dict[str, int]] = _get(f"/jobs/newest?ledger={LONG}&count={count}")["jobs"]
    return found


def _counts() -> dict[str, int]:
    return {name: int(count) for name, count in _get("/queues").items()}


def _done() -> int:
    return int(_get("/jobs/done")["done"])


def _get(path: str) -> dict[str, Any]:
    answer = http.ask("api", path)
    if answer.status != 200:
        raise TargetError(f"api: GET {path} answered HTTP {answer.status}")
    found: dict[str, Any] = json.loads(answer.body)
    return found
