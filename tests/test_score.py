"""The score: recomputed here by hand, exact to the last point, and never better for what was not measured."""

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.measures import judge
from reports.outcome import Counts, Outcome
from reports.score import SEVERITY_WEIGHTS, score
from reports.terminal import shares, tenth
from tests.runfolder import OUTAGE, Records, acked, between, final_read, injection, objective, requests, writes


def outcome(drill: str = "d", **changed: Any) -> Outcome:
    """Make the outcome of a drill that was met."""
    base: dict[str, Any] = {
        "severity": "p1",
        "schedule": "monthly",
        "verdict": "met",
        "why": (),
        "rto_s": 1.0,
        "rto_objective_s": 2.0,
        "rpo_s": 0.0,
        "rpo_objective_s": 10.0,
        "rpo_applies": True,
        "came_back": True,
        "put_back": True,
    }
    return Outcome(drill=drill, **{**base, **changed})


def missed(drill: str = "d", **changed: Any) -> Outcome:
    return outcome(drill, verdict="missed", **changed)


@pytest.mark.parametrize(
    ("changed", "points"),
    [
        ({}, 100),
        ({"came_back": False}, 60),
        ({"rto_s": 3.0}, 85),  # half way from the objective to twice it
        ({"rto_s": 4.0}, 70),
        ({"rto_s": 400.0}, 70),
        ({"rto_s": None, "rto_at_least_s": 5.0, "came_back": False}, 30),
        ({"rpo_s": 15.0}, 85),
        ({"rpo_s": None}, 70),
        ({"rpo_s": 0.02, "rpo_objective_s": 0.0}, 70),
        ({"rto_s": 3.0, "rpo_s": 15.0, "came_back": False}, 30),
        ({"spared_hit": ("redis",)}, 70),
        ({"writes": Counts(unexpected=1)}, 70),
        ({"put_back": False}, 0),
        ({"rpo_applies": False, "rpo_s": None}, 100),
        ({"rpo_applies": False, "rto_s": 4.0}, Fraction(400, 7)),  # 0.4 and 0.3 of 0.7
        ({"rpo_applies": False, "came_back": False}, Fraction(300, 7)),
    ],
)
def test_points_of_one_drill(changed: dict[str, Any], points: Fraction | int) -> None:
    assert score([missed(**changed)]).points == points


def test_every_lost_point_has_a_drill_and_a_reason() -> None:
    told = score([missed("api", rto_s=3.0, severity="p2"), missed("db", came_back=False, rpo_s=None, severity="p0")])
    assert [(x.drill, x.why, float(x.points)) for x in told.lost] == [
        ("db", "the service did not come back healthy", 32),
        ("db", "RPO not measured, objective 10 s", 24),
        ("api", "RTO 3 s, objective 2 s", 3),
    ]
    assert told.points == 41
    assert told.worst == "db"
    assert {drill: float(mark) for drill, mark in told.marks.items()} == {"api": 85, "db": 30}


def test_drills_weigh_by_severity() -> None:
    assert SEVERITY_WEIGHTS["p0"] > SEVERITY_WEIGHTS["p1"] > SEVERITY_WEIGHTS["p2"] > SEVERITY_WEIGHTS["p3"] > 0
    for high, low in (("p0", "p1"), ("p1", "p2"), ("p2", "p3")):
        dear = score([missed("a", rto_s=4.0, severity=high), outcome("b", severity=low)]).points
        cheap = score([missed("a", rto_s=4.0, severity=low), outcome("b", severity=high)]).points
        assert dear is not None
        assert cheap is not None
        assert dear < cheap


def test_unknown_earns_nothing_costs_nothing_and_shows_in_the_coverage() -> None:
    told = score([outcome("a"), outcome("b", verdict="unknown")], due=["a", "c"])
    assert told.points == 100
    assert (told.counted, told.due, told.not_counted) == (1, 3, ("b", "c"))


def test_no_coverage_is_no_score() -> None:
    told = score([outcome(verdict="unknown")])
    assert (told.points, told.worst, told.counted, told.due, told.lost) == (None, None, 0, 1, ())


@pytest.mark.parametrize(
    ("schedule", "age", "points"),
    [("monthly", 31, 100), ("monthly", 61, 75), ("monthly", 91, 56.25), ("quarterly", 92, 100), ("weekly", 37, 75)],
)
def test_a_result_older_than_its_schedule_decays(schedule: str, age: float, points: float) -> None:
    told = score([outcome(schedule=schedule)], age_days={"d": age})
    assert told.points == points
    assert [x.why for x in told.lost] == (
        []
        if points == 100
        else [f"its result is {age - (7 if schedule == 'weekly' else 31)} days older than its {schedule} schedule"]
    )


RESULTS: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.fixed_dictionaries(
        {
            "verdict": st.sampled_from(["met", "missed", "unknown"]),
            "severity": st.sampled_from(sorted(SEVERITY_WEIGHTS)),
            "rto_s": st.none() | st.floats(0, 9),
            "rpo_s": st.none() | st.floats(0, 30),
            "rpo_applies": st.booleans(),
            "came_back": st.booleans(),
            "put_back": st.booleans(),
            "spared_hit": st.sampled_from([(), ("x",)]),
        }
    ),
    max_size=5,
)


@given(RESULTS, st.lists(st.floats(0, 400), min_size=5, max_size=5))
def test_what_is_left_and_what_was_lost_are_a_hundred(results: list[dict[str, Any]], ages: list[float]) -> None:
    drills = [outcome(f"d{at}", **result) for at, result in enumerate(results)]
    told = score(drills, age_days={f"d{at}": age for at, age in enumerate(ages)})
    if told.points is None:
        assert not told.lost
        return
    assert 0 <= told.points <= 100
    assert told.points + sum(x.points for x in told.lost) == 100
    assert all(x.points > 0 and x.why for x in told.lost)
    weights = {d.drill: SEVERITY_WEIGHTS[d.severity or ""] for d in drills if d.drill in told.marks}
    mean = sum(weights[name] * mark for name, mark in told.marks.items()) / Fraction(sum(weights.values()))
    assert told.points == mean
    assert told.worst is not None
    assert told.marks[told.worst] == min(told.marks.values())


@given(RESULTS)
def test_an_unknown_drill_never_changes_the_number(results: list[dict[str, Any]]) -> None:
    drills = [outcome(f"d{at}", **result) for at, result in enumerate(results)]
    known = [drill for drill in drills if drill.verdict != "unknown"]
    assert score(drills).points == score(known).points


@given(st.lists(st.fractions(0, 50), max_size=8))
def test_what_is_shown_as_lost_adds_up(parts: list[Fraction]) -> None:
    exact = sum(parts, Fraction(0))
    shown = [Fraction(round(points * 10), 10) for points in shares(parts)]
    assert all(abs(a - b) < Fraction(1, 10) for a, b in zip(shown, parts, strict=True))
    assert sum(shown) + Fraction(tenth(1000 - exact)) == 1000  # with what is shown as left


def test_no_miss_is_worth_a_hundred_and_what_was_met_is(tmp_path: Path) -> None:
    """From run folders, through the judge."""
    folders: dict[str, dict[str, Any]] = {
        "met": {},
        "late": {"samples": requests(down=between((0.1, 3.1)))},
        "lost": {"final_read": final_read(acked(writes(down=OUTAGE))[1:])},
        "foreign": {"final_read": final_read([*acked(writes(down=OUTAGE)), 777])},
        "spared": {
            "objective": objective(spares=["r"]),
            "samples": requests(down=OUTAGE) + requests("r", down=between((1, 1.02))),
        },
        "residue": {"samples": requests(down=between((0.1, 3.1))), "injections": [injection(residue=["rule"])]},
    }
    for name, changed in folders.items():
        judged = dataclasses.replace(judge(Records(**changed).lay(tmp_path / name)), drill=name)
        points = score([judged]).points
        assert points is not None
        assert (points == 100) == (name == "met"), judged
        assert (points == 0) == (name == "residue")
