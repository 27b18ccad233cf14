"""Every drill, tried in its negative: a drill that cannot fail is a defect."""

import copy
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from experiments import faults, run
from reports.outcome import Outcome

Drill = Callable[..., Outcome]


class Captured(Exception):
    """Carries what a drill would have played."""

    def __init__(self, experiment: str, held_to: dict[str, Any]) -> None:
        super().__init__(experiment)
        self.experiment, self.held_to = experiment, held_to


def _capture(experiment: str, **held_to: Any) -> Outcome:
    raise Captured(experiment, held_to)


def _drills() -> dict[str, Captured]:
    """Find every drill of the suites by asking it what it would play."""
    found = {}
    for path in sorted((run.FOLDER.parent / "drills").glob("test_*.py")):
        module = importlib.import_module(f"drills.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_"):
                with pytest.raises(Captured) as captured:
                    function(_capture)
                found[name] = captured.value
    return found


DRILLS = _drills()
# What only a cluster can play is tried there, in tests/test_kind_drills.py.
IN_CLUSTERS = {
    "test_control_plane_away",
    "test_host_drained",
    "test_host_without_power",
    "test_killed_while_nothing_can_start",
}
HERE = sorted(set(DRILLS) - IN_CLUSTERS)
# Their callers are to notice nothing at all, so no objective is too short; each has a negative trial of its own, below
# or in tests/test_negative_<component>.py.
UNNOTICED = {
    "test_cache_flushed",
    "test_jobs_that_crash_their_worker",
    "test_memory_taken",
    "test_noisy_neighbour",
    "test_one_replica_frozen",
    "test_one_replica_killed",
    "test_poisoned_jobs",
    "test_slow_dependency",
    "test_split_brain",
    "test_standby_lost",
}

# Trials of these, below or in tests/test_negative_<component>.py, end in `missed`, too, and for a better reason.
OTHERWISE_MISSED = {
    "test_backlog_worked_off",
    "test_clock_skew",
    "test_connections_exhausted",
    "test_disk_full",
    "test_everything_killed",
    "test_half_cut",
    "test_host_lost",
    "test_host_lost_with_asynchronous_commit",
    "test_killed_in_the_middle_of_a_job",
    "test_object_store_answers_errors",
    "test_object_store_out",
    "test_object_store_restarted_in_mid_upload",
    "test_object_store_slow",
    "test_planned_switchover",
    "test_scaled_up_under_load",
    "test_sentinel_quorum_lost",
    "test_split_brain_bounded",
    "test_standbys_cut",
    "test_zone_lost",
}


def edited(name: str, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Load an experiment, leaving out the method's steps of these names."""
    script = copy.deepcopy(run.load(name))
    known = {activity["name"] for activity in script["method"]}
    assert set(without) <= known
    script["method"] = [activity for activity in script["method"] if activity["name"] not in without]
    return script


def broken(name: str) -> dict[str, Any]:
    """Load an experiment whose first probe asks nobody."""
    script = edited(name)
    script["steady-state-hypothesis"]["probes"][0]["provider"] = {
        "type": "python",
        "module": "probes.http",
        "func": "status",
        "arguments": {"component": "nowhere"},
    }
    return script


def disarm(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have the faults of an experiment do nothing."""
    for injected in run.injections(run.load(name)):
        monkeypatch.setattr(faults.load(injected["fault"]), "inject", lambda *_: None)


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


def test_every_experiment_is_drilled() -> None:
    assert {one.experiment for one in DRILLS.values()} == {path.stem for path in run.FOLDER.glob("*.yaml")}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.nightly if name in OTHERWISE_MISSED else ())
        for name in sorted(set(HERE) - UNNOTICED)
    ],
)
def test_an_objective_below_what_is_possible_is_missed(drill: Drill, name: str) -> None:
    played = DRILLS[name]
    outcome = drill(played.experiment, **played.held_to | {"rto": "1 ms"})
    close = outcome.verdict == "unknown" and outcome.why[0].startswith(
        "too close to call"
    )  # a bound wider than the RTO
    assert outcome.verdict == "missed" or close, outcome
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
    outcome = drill(script, **DRILLS["test_object_store_out"].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.spared_hit


@pytest.mark.parametrize("name", HERE)
def test_a_harmless_fault_is_unknown(drill: Drill, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    played = DRILLS[name]
    disarm(monkeypatch, played.experiment)
    outcome = drill(played.experiment, **played.held_to)
    assert outcome.verdict == "unknown", outcome
    assert "does not hurt" in repr(outcome)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.nightly if number % 6 else ()) for number, name in enumerate(HERE)]
)
def test_a_broken_probe_is_unknown(drill: Drill, name: str) -> None:
    played = DRILLS[name]
    outcome = drill(broken(played.experiment), **played.held_to)
    assert outcome.verdict == "unknown", outcome
    assert not outcome.injections
