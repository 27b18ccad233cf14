"""The whole system: a zone of it lost, or all of it."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome


@pytest.mark.p0
@pytest.mark.quarterly
def test_zone_lost(drill: Callable[..., Outcome]) -> None:
    """I lose the primary's zone. Within 20 seconds all are served from the others; no row is lost, 1 s of Redis."""
    outcome = drill("zone-lost", component="postgres", rto="20 s", rpo="0 s", also={"redis": "1 s", "api": "0 s"})
    assert outcome.met, outcome


@pytest.mark.p0
@pytest.mark.annual
def test_everything_killed(drill: Callable[..., Outcome]) -> None:
    """I kill everything. In order, it is back within 60 seconds; no row is lost, and at most 2 seconds of Redis."""
    outcome = drill(
        "everything-killed", component="postgres", rto="60 s", rpo="0 s", also={"redis": "2 s", "api": "0 s"}
    )
    assert outcome.met, outcome
