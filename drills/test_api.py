"""The API: two replicas behind one front door."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]


@pytest.mark.p1
@pytest.mark.monthly
def test_every_replica_killed(drill: Drill) -> None:
    """I kill every API replica. Within 10 seconds callers are served again, and no order is lost."""
    outcome = drill("api-killed", component="api", rto="10 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_cut_off_from_the_primary(drill: Drill) -> None:
    """I cut the API off from the primary for 2 seconds. Healed, it serves within 8 seconds, and no order is lost."""
    outcome = drill("api-cut-from-primary", component="api", rto="8 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_noisy_neighbour(drill: Drill) -> None:
    """I burn the CPU beside the API for 3 seconds. Callers are served again within 5 seconds, no order is lost."""
    outcome = drill("api-stressed", component="api", rto="5 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_slow_dependency(drill: Drill) -> None:
    """I add 100 ms to every answer of the primary. Within 2.5 seconds callers are served again, no order is lost."""
    outcome = drill("api-slow-dependency", component="api", rto="2.5 s", rpo="0 s")
    assert outcome.met, outcome
