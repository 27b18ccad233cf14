"""The queue worker: jobs with rows in PostgreSQL and entries in Redis, done at least once each."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]


@pytest.mark.p2
@pytest.mark.monthly
def test_killed_in_the_middle_of_a_job(drill: Drill) -> None:
    """I kill the worker in the middle of three jobs. Within 10 seconds no job is late any more, and none is lost."""
    outcome = drill("worker-killed", component="worker", rto="10 s", rpo="0 s")
    assert outcome.met, outcome
    assert outcome.writes.duplicates is not None  # allowed, and counted


@pytest.mark.p2
@pytest.mark.quarterly
def test_backlog_worked_off(drill: Drill) -> None:
    """I freeze the worker until 80 jobs wait. Within 10 seconds of the freeze none is late, and none is lost."""
    outcome = drill("worker-backlog", component="worker", rto="10 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_poisoned_jobs(drill: Drill) -> None:
    """I enqueue six jobs that always fail. They are given up, nobody is late for 5 seconds, no job is lost."""
    outcome = drill("worker-poisoned", component="worker", rto="5 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_jobs_that_crash_their_worker(drill: Drill) -> None:
    """I enqueue six jobs that crash their worker. They are given up; in 10 seconds nobody is late, no job lost."""
    outcome = drill("worker-crashed-by-jobs", component="worker", rto="10 s", rpo="0 s")
    assert outcome.met, outcome
