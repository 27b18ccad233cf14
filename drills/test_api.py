"""The API: two replicas behind one front door."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]
ONE_REQUEST_S = 0.02  # callers leave so far apart: an RTO beyond it means that one failed who left after the fault


@pytest.mark.p1
@pytest.mark.monthly
def test_every_replica_killed(drill: Drill) -> None:
    """I kill every API replica. Within 10 seconds callers are served again, and no order is lost."""
    outcome = drill("api-killed", component="api", rto="10 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_cut_off_from_the_primary(drill: Drill) -> None:
    """I cut the API off from the primary for a second. Healed, it serves within 8 seconds, and no order is lost."""
    outcome = drill("api-cut-from-primary", component="api", rto="8 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_noisy_neighbour(drill: Drill) -> None:
    """I burn the CPU beside the API for a second. Callers are served again within 5 seconds, no order is lost."""
    outcome = drill("api-stressed", component="api", rto="5 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.monthly
def test_one_replica_killed(drill: Drill) -> None:
    """I kill one API replica. No caller notices but those it was just serving: whoever comes after is served."""
    outcome = drill("api-one-killed", component="api", rto="500 ms", rpo="0 s")
    assert outcome.met, outcome
    assert outcome.rto_s is not None
    assert outcome.rto_bound_s is not None
    if outcome.rto_objective_s == 0.5:  # a system whose front door tries another replica; one that waits says longer
        first = outcome.rto_s - outcome.rto_bound_s
        assert first <= ONE_REQUEST_S, f"a request failed that left after the kill: {outcome}"


@pytest.mark.p1
@pytest.mark.quarterly
def test_one_replica_frozen(drill: Drill) -> None:
    """I freeze one API replica. Within 6 seconds callers get around it; its liveness probe has it replaced in 15."""
    outcome = drill("api-frozen", component="api", rto="6 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_every_replica_frozen(drill: Drill) -> None:
    """I freeze every API replica. Liveness probes have them replaced; within 12 seconds callers are served again."""
    outcome = drill("api-all-frozen", component="api", rto="12 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p3
@pytest.mark.quarterly
def test_memory_taken(drill: Drill) -> None:
    """I take 512 MB of memory beside the API for a second. Callers are served within 5 seconds, no order is lost."""
    outcome = drill("api-memory", component="api", rto="5 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.monthly
def test_bad_release_rolled_back(drill: Drill) -> None:
    """I deploy a release that crashes. Seen and rolled back, callers are served within 15 seconds, no order lost."""
    outcome = drill("api-crash-loop", component="api", rto="15 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_scaled_up_under_load(drill: Drill) -> None:
    """I flood the API. With two more replicas others are served within 15 seconds, while the flood goes on."""
    outcome = drill("api-flooded", component="api", rto="15 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_slow_dependency(drill: Drill) -> None:
    """I add 100 ms to every answer of the primary. Within 2.5 seconds callers are served again, no order is lost."""
    outcome = drill("api-slow-dependency", component="api", rto="2.5 s", rpo="0 s")
    assert outcome.met, outcome
