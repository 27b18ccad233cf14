"""The Redis drills' own promises, each tried in its negative."""

from collections.abc import Callable

from reports.outcome import Outcome
from tests.test_negative import DRILLS, edited

Drill = Callable[..., Outcome]


def test_without_the_runbook_a_lost_quorum_is_missed(drill: Drill) -> None:
    steps = (
        "restart the Sentinels that hang",
        "Sentinel promotes a replica",
        "the other replica follows the new master",
    )
    outcome = drill(edited("redis-quorum-lost", without=steps), component="redis", rto="4 s")
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_with_a_quorum_somebody_is_promoted_and_the_probe_tells(drill: Drill) -> None:
    script = edited("redis-quorum-lost", without=("freeze two Sentinels", "restart the Sentinels that hang"))
    outcome = drill(script, **DRILLS["test_sentinel_quorum_lost"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "'nobody has been promoted' saw 1" in repr(outcome)
