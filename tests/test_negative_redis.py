"""The Redis drills' own promises, each tried in its negative."""

from collections.abc import Callable

from reports.outcome import Outcome
from tests.test_negative import DRILLS, edited

Drill = Callable[..., Outcome]


def test_a_split_brain_that_may_cost_little_is_missed(drill: Drill) -> None:
    outcome = drill("redis-split-brain", **DRILLS["test_split_brain"].held_to | {"rpo": "1 s"})
    assert outcome.verdict == "missed", outcome
    assert "are lost" in outcome.why[0]
    assert outcome.put_back


def test_without_min_replicas_a_split_brain_costs_more_than_the_bound(drill: Drill) -> None:
    settings = ("set min-replicas-max-lag to 1", "set min-replicas-to-write to 1")
    script = edited("redis-split-brain-bounded", without=settings)
    outcome = drill(script, **DRILLS["test_split_brain_bounded"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "are lost" in outcome.why[0]


def test_without_the_runbook_a_lost_quorum_is_missed(drill: Drill) -> None:
    steps = (
        "restart the Sentinels that hang",
        "Sentinel promotes a replica",
        "the other replica follows the new master",
        "the Sentinels have found one another",
    )
    outcome = drill(edited("redis-quorum-lost", without=steps), component="redis", rto="4 s")
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_with_a_quorum_somebody_is_promoted_and_the_probe_tells(drill: Drill) -> None:
    script = edited("redis-quorum-lost", without=("freeze two Sentinels", "restart the Sentinels that hang"))
    outcome = drill(script, **DRILLS["test_sentinel_quorum_lost"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "'nobody has been promoted' saw 1" in repr(outcome)
