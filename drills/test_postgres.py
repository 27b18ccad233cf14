"""PostgreSQL: a primary and two standbys with quorum commit."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome


@pytest.mark.p0
@pytest.mark.quarterly
def test_primary_killed(drill: Callable[..., Outcome]) -> None:
    """I kill the primary for good. Within 10 seconds a promoted standby takes writes; no acked write is lost."""
    outcome = drill("postgres-primary-killed", component="postgres", rto="10 s", rpo="0 s")
    assert outcome.met, outcome
