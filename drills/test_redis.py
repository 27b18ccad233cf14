"""Redis: a master and two replicas under three Sentinels."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_master_killed(drill: Callable[..., Outcome]) -> None:
    """I kill the master for good. Sentinel has a replica taking writes within 15 seconds; at most 1 second is lost."""
    outcome = drill("redis-master-killed", component="redis", rto="15 s", rpo="1 s")
    assert outcome.met, outcome
