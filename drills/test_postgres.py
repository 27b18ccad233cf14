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


@pytest.mark.p1
@pytest.mark.quarterly
def test_planned_switchover(drill: Callable[..., Outcome]) -> None:
    """I hand the primary over for maintenance. Callers wait less than 3 seconds in all, and no acked write is lost."""
    outcome = drill("postgres-switchover", component="postgres", rto="3 s", rpo="0 s")
    assert outcome.met, outcome
    assert outcome.downtime_s is not None
    assert outcome.rto_objective_s is not None
    assert 0 < outcome.downtime_s < outcome.rto_objective_s, outcome


@pytest.mark.p2
@pytest.mark.monthly
def test_standby_lost(drill: Callable[..., Outcome]) -> None:
    """I lose a standby with its data. Writers do not notice, and within 20 seconds it is rebuilt and streams again."""
    outcome = drill("postgres-standby-lost", component="postgres", rto="1 s", rpo="0 s")
    assert outcome.met, outcome
    assert outcome.downtime_s == 0, outcome
    redundant, struck = outcome.phases.t6, outcome.phases.t0
    assert redundant is not None
    assert struck is not None
    assert (redundant - struck) / 1e9 < 20, outcome


@pytest.mark.p1
@pytest.mark.quarterly
def test_standbys_cut(drill: Callable[..., Outcome]) -> None:
    """I cut both standbys from the primary. Commits wait; degraded on purpose, writes go on within 8 seconds.

    No acked write is lost, the standbys catch up after the heal, and then commits are confirmed by a standby again.
    """
    outcome = drill("postgres-standbys-cut", component="postgres", rto="8 s", rpo="0 s")
    assert outcome.met, outcome
    assert outcome.downtime_s is not None
    assert outcome.downtime_s > 0.4, f"commits were to wait while nobody confirmed them: {outcome}"


@pytest.mark.p1
@pytest.mark.quarterly
def test_connections_exhausted(drill: Callable[..., Outcome]) -> None:
    """I take every connection of the primary. Idle ones are ended, and within 8 seconds callers can log in again."""
    outcome = drill("postgres-connections-exhausted", component="logins", rto="8 s")
    assert outcome.met, outcome
    assert outcome.downtime_s, f"callers who log in were to be refused: {outcome}"


@pytest.mark.p1
@pytest.mark.quarterly
def test_disk_full(drill: Callable[..., Outcome]) -> None:
    """I fill the disk of the primary's WAL. Space back, it recovers within 8 seconds, and no acked write is lost."""
    outcome = drill("postgres-disk-full", component="postgres", rto="8 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome
    assert outcome.downtime_s is not None
    assert outcome.downtime_s > 0.4, f"writers were to be refused while the disk was full: {outcome}"


@pytest.mark.p1
@pytest.mark.annual
def test_clock_skew(drill: Callable[..., Outcome]) -> None:
    """I put the standbys' clocks an hour ahead and kill the primary. Failover works and no acked write is lost.

    Within 20 seconds writes are taken, from the promoted standby, and after its clock was put right by a restart.
    """
    outcome = drill("postgres-clock-skew", component="postgres", rto="20 s", rpo="0 s")
    assert outcome.met, outcome
