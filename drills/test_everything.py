"""The whole system: a zone of it lost, or all of it. Orders are rows in PostgreSQL, so the API's ledger is its."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome


@pytest.mark.p0
@pytest.mark.quarterly
def test_zone_lost(drill: Callable[..., Outcome]) -> None:
    """I lose the primary's zone. Within 15 seconds callers are served from the others; no order, 1 s of Redis lost."""
    outcome = drill("zone-lost", component="api", rto="15 s", rpo="0 s", also={"redis": "1 s"})
    assert outcome.met, outcome


@pytest.mark.p0
@pytest.mark.annual
def test_everything_killed(drill: Callable[..., Outcome]) -> None:
    """I kill everything. Brought back in order within 30 seconds, it has lost no order, and at most 2 s of Redis."""
    outcome = drill("everything-killed", component="api", rto="30 s", rpo="0 s", also={"redis": "2 s"})
    assert outcome.met, outcome
