"""The judge as a whole: what it says of a drill that was met, of several reasons, and at what price."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.measures import judge, write_outcome
from reports.outcome import Counts
from tests.rules import API, LONG, of
from tests.runfolder import (
    Records,
    activity,
    between,
    injection,
    ns,
    objective,
    requests,
    ticks,
    writes,
)


def test_a_drill_that_was_met_says_its_numbers(tmp_path: Path) -> None:
    outcome = of(tmp_path)
    assert outcome.met
    (says,) = outcome.why
    assert says == (
        "served again after 1.10 ± 0.03 s (objective 2 s), none of 300 acknowledged writes lost (objective 0 s), "
        "put back in 200 ms"
    )
    assert (outcome.rto_s, outcome.rto_objective_s, outcome.downtime_s) == (1.1, 2.0, 1.0)
    assert outcome.rto_bound_s == pytest.approx(0.02 + 0.01)  # one interval, and how long the injection took
    assert (outcome.rpo_s, outcome.undo_s, outcome.came_back, outcome.put_back) == (0, 0.2, True, True)
    assert outcome.writes == Counts(
        attempted=350, acked=300, unknown=0, lost=0, recovered=0, unexpected=0, duplicates=0
    )


def test_phases_are_the_moments_that_were_observed(tmp_path: Path) -> None:
    told = {"detected_ns": ns(0.3), "recovery_started_ns": ns(0.4), "redundant_ns": ns(2)}
    outcome = of(
        tmp_path,
        samples=requests(down=between((0.1, 0.5), (0.6, 1.1))),
        writes=writes(down=between((0.2, 0.5))),
        activities=[
            activity("early", "before", output=dict.fromkeys(told, 1)),
            activity("promote", "method", output=told),
        ],
    )
    phases = dataclasses.astuple(outcome.phases)
    assert phases == (ns(0), ns(0.1), ns(0.3), ns(0.4), ns(0.5), ns(1.1), ns(2))


def test_two_misses_are_both_told_and_so_is_what_is_not_known(tmp_path: Path) -> None:
    """Residue after an outage that was too long: it stays missed."""
    outcome = of(tmp_path, samples=requests(down=LONG), injections=[injection(residue=["rule r1"])], session=None)
    assert outcome.verdict == "missed"
    assert [why.split()[0] for why in outcome.why] == ["api", "the", "session.json"]


def test_judging_is_pure_and_the_outcome_survives_json(tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    outcome = judge(folder)
    assert outcome == judge(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    write_outcome(outcome, folder)
    stored = json.loads((folder / "outcome.json").read_text())
    assert stored == json.loads(json.dumps(outcome.to_json()))
    assert (stored["verdict"], stored["rto_s"], stored["phases"]["t5"]) == ("met", 1.1, ns(1.1))


def test_a_hundred_thousand_rows_cost_what_their_number_says(tmp_path: Path) -> None:
    """Ten times the rows, and an outage in every second of them, take about ten times as long: nothing is quadratic."""

    def took(count: int) -> float:
        times = list(ticks(-1, -1 + count * 0.02))
        down: Callable[[float], bool] = lambda at: at % 1 > 0.45  # noqa: E731
        folder = Records(
            objective=objective(**API), samples=requests(times=times, down=down), final_read=None, writes=None
        ).lay(tmp_path / str(count))
        begin = time.process_time()
        judge(folder)
        return time.process_time() - begin

    took(1000)
    assert took(100_000) < 40 * took(10_000)
