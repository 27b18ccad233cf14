"""Experiments are checked before they are played, and chaoslib's open ends are closed while they are."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from experiments import run
from targets.target import BadInput


def action(func: str, module: str = "steps", **arguments: Any) -> dict[str, Any]:
    return {
        "type": "action",
        "name": func,
        "provider": {"type": "python", "module": module, "func": func, "arguments": arguments},
    }


def probe(func: str, tolerance: Any) -> dict[str, Any]:
    return {**action(func), "type": "probe", "tolerance": tolerance}


def script(*method: dict[str, Any], probes: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "title": "t",
        "description": "d",
        "runtime": {"rollbacks": {"strategy": "always"}},
        "steady-state-hypothesis": {"title": "h", "probes": probes or [probe("fine", tolerance=True)]},
        "method": list(method),
        "rollbacks": [{**action("undo"), "name": "undo"}],
    }


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the steps that the experiments of this file play, and what they did."""
    steps, did = ModuleType("steps"), list[str]()

    def fails() -> None:
        raise ValueError("it is broken")

    def refuses() -> None:
        raise SystemExit("not injecting: no")

    def slow() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)

    for name, does in {"fails": fails, "refuses": refuses, "slow": slow}.items():
        setattr(steps, name, does)
    for name in ("work", "undo", "more"):
        setattr(steps, name, lambda name=name: did.append(name))
    steps.fine = lambda: True  # type: ignore[attr-defined]
    steps.bad = lambda: 3  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "steps", steps)
    return did


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "activities.jsonl").read_text().splitlines()]


def test_every_activity_is_stamped_in_order(done: list[str], tmp_path: Path) -> None:
    journal = run.run(script(action("work")), folder=tmp_path)
    assert journal["status"] == "completed"
    assert [(row["phase"], row["name"]) for row in rows(tmp_path)] == [
        ("before", "fine"),
        ("method", "work"),
        ("after", "fine"),
        ("rollbacks", "undo"),
    ]
    stamps = [stamp for row in rows(tmp_path) for stamp in (row["started_ns"], row["ended_ns"])]
    assert stamps == sorted(stamps)


def test_the_script_is_not_changed(done: list[str], tmp_path: Path) -> None:
    given = script(action("work"))
    before = json.dumps(given)
    run.run(given, folder=tmp_path)
    assert json.dumps(given) == before


def test_a_failed_action_ends_the_method_and_rollbacks_run(done: list[str], tmp_path: Path) -> None:
    run.run(script(action("fails"), action("work")), folder=tmp_path)
    assert done == ["undo"]
    failed = next(row for row in rows(tmp_path) if row["name"] == "fails")
    assert failed["status"] == "failed"
    assert "it is broken" in failed["error"]


def test_a_refusal_ends_the_method_and_is_not_an_interruption(done: list[str], tmp_path: Path) -> None:
    run.run(script(action("refuses"), action("work")), folder=tmp_path)
    assert done == ["undo"]
    assert next(row for row in rows(tmp_path) if row["name"] == "refuses")["error"] == "not injecting: no"


def test_ctrl_c_runs_the_rollbacks_and_is_raised_again(done: list[str], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run.run(script(action("slow"), action("work")), folder=tmp_path)
    assert done == ["undo"]


def test_every_probe_is_looked_at_every_time(done: list[str], tmp_path: Path) -> None:
    probes = [probe("bad", tolerance=1), {**probe("fine", tolerance=True), "name": "second"}]
    journal = run.run(script(action("work"), probes=probes), folder=tmp_path)
    assert [(row["name"], row["tolerance_met"]) for row in rows(tmp_path)][:2] == [("bad", False), ("second", True)]
    assert journal["steady_states"]["before"]["steady_state_met"] is False
    assert "work" not in done


def test_a_probe_in_the_method_is_held_to_its_tolerance(done: list[str], tmp_path: Path) -> None:
    run.run(script(probe("bad", tolerance=1), action("more")), folder=tmp_path)
    assert next(row for row in rows(tmp_path) if row["name"] == "bad")["tolerance_met"] is False
    assert done == ["more", "undo"]


def test_before_an_undo_in_the_method_it_is_told_when_the_last_action_ended(
    done: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STOP", {"type": "python", "module": "steps", "func": "more"})
    told: list[int] = []

    def before_undo(acted_ns: int) -> None:
        told.append(acted_ns)
        done.append("waited")

    run.run(
        script(action("work"), probe("fine", tolerance=True), action("more")), folder=tmp_path, before_undo=before_undo
    )
    assert done == ["work", "waited", "more", "undo"]
    assert told == [next(row["ended_ns"] for row in rows(tmp_path) if row["name"] == "work")]


GOOD: dict[str, Any] = {
    **script(action("inject", "rollback.actions", fault="kill", component="api")),
    "rollbacks": [action("stop", "rollback.actions")],
    "steady-state-hypothesis": {
        "title": "h",
        "probes": [{**action("status", "probes.http"), "type": "probe", "tolerance": 200}],
    },
}  # fmt: skip


def written(folder: Path, experiment: object) -> None:
    (folder / "mine.yaml").write_text(experiment if isinstance(experiment, str) else yaml.safe_dump(experiment))


def test_a_tolerance_that_cannot_be_told_is_not_met(done: list[str], tmp_path: Path) -> None:
    untold = probe("more", {"type": "jsonpath", "path": "a..[", "count": 1})
    run.run(script(untold), folder=tmp_path)
    (row,) = [each for each in rows(tmp_path) if each["name"] == "more"]
    assert row["tolerance_met"] is False


def test_a_good_experiment_is_read(tmp_path: Path) -> None:
    good = json.loads(json.dumps(GOOD))
    good["rollbacks"][0]["provider"].pop("arguments")
    written(tmp_path, good)
    assert run.injections(run.load("mine", folder=tmp_path)) == [{"fault": "kill", "component": "api"}]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": [action("inject", "rollback.actions", fault="meteor")]}, "fault = 'meteor': no such fault; there"),
        ({"method": [action("stop", "rollback.actions")]}, "method injects nothing"),
        ({"method": []}, "method is missing or empty"),
        ({"rollbacks": []}, "rollbacks is missing or empty"),
        ({"rollbacks": [action("hold", "probes.wait", seconds=1)]}, "rollbacks must be one action"),
        ({"steady-state-hypothesis": {}}, "steady-state-hypothesis is missing or empty"),
        ({"runtime": {}}, "`chaos run` skips rollbacks"),
        ({"method": [action("nothing", "rollback.nowhere")]}, "could not find Python module 'rollback.nowhere'"),
        ({"method": [{"type": "action", "name": "x"}]}, r"mine\.yaml"),
    ],
)  # fmt: skip
def test_a_bad_one_names_file_key_and_cure(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    good = json.loads(json.dumps(GOOD))
    good["rollbacks"][0]["provider"].pop("arguments")
    written(tmp_path, {**good, **change})
    with pytest.raises(BadInput, match=says):
        run.load("mine", folder=tmp_path)


@pytest.mark.parametrize(("text", "says"), [("a: [", "not YAML"), ("- a", "not an experiment but list")])
def test_a_file_that_is_no_experiment(tmp_path: Path, text: str, says: str) -> None:
    written(tmp_path, text)
    with pytest.raises(BadInput, match=says):
        run.load("mine", folder=tmp_path)


def test_an_unknown_experiment_names_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"experiment 'nowhere'.*api-killed"):
        run.load("nowhere")
