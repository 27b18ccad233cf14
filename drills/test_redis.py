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


@pytest.mark.p2
@pytest.mark.annual
def test_split_brain(drill: Drill) -> None:
    """I cut the master off from its kind, not from its callers. What it takes until its demotion is lost, 10 s at most.

    The loss is the point: without min-replicas-to-write it lasts as long as the split, and it must be seen.
    """
    outcome = drill("redis-split-brain", component="redis", rto="20 s", rpo="10 s", recovered_by="stop")
    assert outcome.met, outcome
    assert outcome.writes.lost, "no write was lost in a split brain: the callers did not stay with the old master"
    assert (outcome.rpo_s or 0) > 1.5, "less was lost than the split lasted"


@pytest.mark.p1
@pytest.mark.annual
def test_split_brain_bounded(drill: Drill) -> None:
    """I split Redis for over 3 s, with min-replicas-to-write 1. It serves within 15 s, and at most 3 s are lost."""
    outcome = drill("redis-split-brain-bounded", component="redis", rto="15 s", rpo="3 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.annual
def test_sentinel_quorum_lost(drill: Drill) -> None:
    """I freeze two Sentinels and kill the master. With them restarted it serves within 15 s, at most 1 s is lost."""
    outcome = drill("redis-quorum-lost", component="redis", rto="15 s", rpo="1 s")
    assert outcome.met, outcome
