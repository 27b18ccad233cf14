"""What happens to workloads in a cluster alone; last of all, for whoever follows the last may be heeded late."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]


@pytest.mark.p2
@pytest.mark.quarterly
def test_host_drained(drill: Drill) -> None:
    """I drain a host with one of two replicas on it. For no more than a second may callers notice; no order is lost."""
    outcome = drill("api-host-drained", component="api", rto="1 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_killed_while_nothing_can_start(drill: Drill) -> None:
    """I use the quota up and kill one replica. Nobody replaces it; within 10 seconds the other one serves everybody."""
    outcome = drill("api-not-replaced", component="api", rto="10 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.annual
def test_host_without_power(drill: Drill) -> None:
    """I cut a host's power. Within 90 seconds it is given up, and callers are served from others; no order is lost."""
    outcome = drill("host-without-power", component="api", rto="90 s", rpo="0 s")
    assert outcome.met, outcome


@pytest.mark.p1
@pytest.mark.annual
def test_control_plane_away(drill: Drill) -> None:
    """I take the control plane away for 5 seconds. For no more than one second may callers notice; no order is lost."""
    outcome = drill("control-plane-away", component="api", rto="1 s", rpo="0 s")
    assert outcome.met, outcome
