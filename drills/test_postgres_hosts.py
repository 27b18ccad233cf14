"""PostgreSQL when hosts and networks fail, not only processes: what was under way is lost, or half of a way is."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]


@pytest.mark.p0
@pytest.mark.quarterly
def test_host_lost(drill: Drill) -> None:
    """I lose the primary's host, 50 ms from its standbys. Within 10 seconds a standby serves; no write is lost."""
    outcome = drill("postgres-host-lost", component="postgres", rto="10 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p0
@pytest.mark.quarterly
def test_host_lost_with_asynchronous_commit(drill: Drill) -> None:
    """I lose the primary's host while commits wait for nobody. Within 10 seconds a standby serves; 1 second is lost.

    At most, that is, and not nothing: what was confirmed and still under way, 100 ms, cannot be anywhere else.
    """
    outcome = drill("postgres-host-lost-async", component="postgres", rto="10 s", rpo="1 s")
    assert outcome.met, outcome
    assert outcome.writes.lost, f"confirmed writes were under way, and some had to be lost: {outcome}"
    assert outcome.rpo_s is not None
    assert 0.05 < outcome.rpo_s < 1, outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_half_cut(drill: Drill) -> None:
    """I let the primary not hear its standbys. No commit is confirmed; heard again, they are within 8 seconds."""
    outcome = drill("postgres-half-cut", component="postgres", rto="8 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome
    assert outcome.downtime_s, f"writers were to wait while nobody vouched for their writes: {outcome}"
