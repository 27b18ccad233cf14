"""What the PostgreSQL drills promise beside the RTO, broken on purpose: each must be missed."""

from collections.abc import Callable
from typing import Any

from reports.outcome import Outcome
from tests.test_negative import DRILLS, edited

Drill = Callable[..., Outcome]


def arguments(script: dict[str, Any], step: str) -> dict[str, Any]:
    """Find the arguments of a method's step, to be changed in place."""
    found: dict[str, Any] = next(a["provider"]["arguments"] for a in script["method"] if a["name"] == step)
    return found


def test_writers_who_lose_every_standby_do_notice(drill: Drill) -> None:
    script = edited(
        "postgres-standby-lost", without=("one standby is left", "commits are still confirmed by a standby")
    )
    arguments(script, "lose a standby and its data")["count"] = 2
    script["method"].insert(1, hold(2))
    outcome = drill(script, **DRILLS["test_standby_lost"].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_standby_that_is_not_rebuilt_is_missed(drill: Drill) -> None:
    script = edited("postgres-standby-lost", without=("rebuild it from the primary", "full redundancy is back"))
    outcome = drill(script, **DRILLS["test_standby_lost"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "two standbys stream" in repr(outcome)


def test_commits_that_nobody_lets_go_on_are_missed(drill: Drill) -> None:
    script = edited(
        "postgres-standbys-cut", without=("degrade to asynchronous commit", "confirm commits by a quorum again")
    )
    outcome = drill(script, **DRILLS["test_standbys_cut"].held_to | {"rto": "1 s"})
    assert outcome.verdict == "missed", outcome


def test_a_quorum_that_is_not_put_back_is_missed(drill: Drill) -> None:
    script = edited("postgres-standbys-cut", without=("confirm commits by a quorum again",))
    outcome = drill(script, **DRILLS["test_standbys_cut"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "commits are confirmed by a standby" in repr(outcome)
    assert outcome.put_back


def test_a_switchover_that_is_not_finished_is_missed(drill: Drill) -> None:
    script = edited(
        "postgres-switchover",
        without=(
            "promote a standby that has everything",
            "bring the old primary back as a standby",
            "full redundancy is back",
        ),
    )
    outcome = drill(script, **DRILLS["test_planned_switchover"].held_to)
    assert outcome.verdict == "missed", outcome


def hold(seconds: float) -> dict[str, Any]:
    return {
        "type": "action",
        "name": f"hold for {seconds} s",
        "provider": {"type": "python", "module": "probes.wait", "func": "hold", "arguments": {"seconds": seconds}},
    }


def test_connections_that_nobody_ends_are_missed(drill: Drill) -> None:
    script = edited("postgres-connections-exhausted", without=("end the idle sessions of whoever holds most",))
    script["method"].insert(1, hold(2))
    outcome = drill(script, **DRILLS["test_connections_exhausted"].held_to | {"rto": "1 s"})
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_disk_that_stays_full_is_missed(drill: Drill) -> None:
    script = edited(
        "postgres-disk-full", without=("give the space back and start the server", "full redundancy is back")
    )
    script["method"].append(hold(2))
    outcome = drill(script, **DRILLS["test_disk_full"].held_to | {"rto": "1 s"})
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_standbys_full_disk_is_not_the_primarys(drill: Drill) -> None:
    script = edited("postgres-disk-full")
    arguments(script, "fill the primary's disk").update(role="standby", count=1)
    outcome = drill(script, **DRILLS["test_disk_full"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "nobody takes writes" in repr(outcome)
    assert outcome.put_back


def test_a_clock_that_is_right_is_no_skew(drill: Drill) -> None:
    script = edited("postgres-clock-skew")
    arguments(script, "put the standbys' clocks an hour ahead")["seconds"] = 60
    outcome = drill(script, **DRILLS["test_clock_skew"].held_to)
    assert outcome.verdict == "missed", outcome
    assert "a false hour" in repr(outcome)
