"""Redis: a master and two replicas under three Sentinels."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]


@pytest.mark.p1
@pytest.mark.quarterly
def test_master_killed(drill: Drill) -> None:
    """I kill the master for good. Sentinel has a replica taking writes within 15 seconds; at most 1 second is lost."""
    outcome = drill("redis-master-killed", component="redis", rto="15 s", rpo="1 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_master_frozen(drill: Drill) -> None:
    """I freeze the master. Within 15 seconds another takes writes; awake, the old one follows, at most 1 s is lost."""
    outcome = drill("redis-master-frozen", component="redis", rto="15 s", rpo="1 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.annual
def test_sentinel_quorum_lost(drill: Drill) -> None:
    """I freeze two Sentinels and kill the master. With them restarted it serves within 15 s, at most 1 s is lost."""
    outcome = drill("redis-quorum-lost", component="redis", rto="15 s", rpo="1 s")
    assert outcome.met, outcome
