"""Every drill, tried in its negative: a drill that cannot fail is a defect."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from experiments import faults, run
from reports.outcome import Outcome

Drill = Callable[..., Outcome]

HELD_TO: dict[str, dict[str, Any]] = {
    "api-killed": {"component": "api"},
    "postgres-primary-killed": {"component": "postgres"},
    "redis-master-killed": {"component": "redis"},
    "api-cut-from-primary": {"component": "api", "recovered_by": "stop"},
    "api-stressed": {"component": "api", "recovered_by": "stop"},
    "objects-out": {"component": "objects", "recovered_by": "stop", "spares": ["api"]},
}


def edited(name: str, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Load an experiment, leaving out the method's steps of these names."""
    script = copy.deepcopy(run.load(name))
    known = {activity["name"] for activity in script["method"]}
    assert set(without) <= known
    script["method"] = [activity for activity in script["method"] if activity["name"] not in without]
    return script


def kill_of_the_api() -> dict[str, Any]:
    return {
        "type": "action",
        "name": "kill the API too",
        "provider": {
            "type": "python",
            "module": "rollback.actions",
            "func": "inject",
            "arguments": {"fault": "kill", "component": "api"},
        },
    }


def test_every_experiment_is_tried() -> None:
    assert set(HELD_TO) == {path.stem for path in run.FOLDER.glob("*.yaml")}


@pytest.mark.parametrize("name", [n for n in HELD_TO if n != "api-stressed"])
def test_an_objective_below_what_is_possible_is_missed(drill: Drill, name: str) -> None:
    outcome = drill(name, **HELD_TO[name], rto="1 ms")
    assert outcome.verdict == "missed", outcome
    assert outcome.rto_s is not None
    assert outcome.put_back


def test_without_the_runbook_a_dead_primary_is_missed(drill: Drill) -> None:
    script = edited(
        "postgres-primary-killed",
        without=(
            "promote the most advanced standby and re-point the other",
            "rewind the old primary and bring it back",
            "full redundancy is back",
        ),
    )
    outcome = drill(script, component="postgres", rto="3 s")
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_a_cut_that_only_the_undo_heals_is_missed(drill: Drill) -> None:
    outcome = drill(edited("api-cut-from-primary", without=("heal the cut",)), component="api", rto="4 s")
    assert outcome.verdict == "missed", outcome


def test_stress_that_takes_the_api_down_is_missed(drill: Drill) -> None:
    script = edited("api-stressed")
    script["method"].insert(1, kill_of_the_api())
    outcome = drill(script, component="api", rto="1 ms", recovered_by="stop")
    assert outcome.verdict == "missed", outcome


def test_an_outage_that_stops_orders_too_is_missed(drill: Drill) -> None:
    script = edited("objects-out")
    script["method"].insert(1, kill_of_the_api())
    outcome = drill(script, **HELD_TO["objects-out"])
    assert outcome.verdict == "missed", outcome
    assert outcome.spared_hit


@pytest.mark.parametrize("name", HELD_TO)
def test_a_harmless_fault_is_unknown(drill: Drill, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = run.injections(run.load(name))[0]["fault"]
    monkeypatch.setattr(faults.load(fault), "inject", lambda *_: None)
    outcome = drill(name, **HELD_TO[name])
    assert outcome.verdict == "unknown", outcome
    assert "does not hurt" in repr(outcome)


@pytest.mark.parametrize("name", HELD_TO)
def test_a_broken_probe_is_unknown(drill: Drill, name: str) -> None:
    script = edited(name)
    broken = script["steady-state-hypothesis"]["probes"][0]
    broken["provider"] = {
        "type": "python",
        "module": "probes.http",
        "func": "status",
        "arguments": {"component": "nowhere"},
    }
    outcome = drill(script, **HELD_TO[name])
    assert outcome.verdict == "unknown", outcome
    assert not outcome.injections
