"""`--plan` tells everything and touches nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drills.harness.asked import Named
from drills.harness.planned import PROPERTY, Planner
from experiments import run
from reports.plans import LATER
from rollback import actions, guard, journal
from rollback import stop as stopping
from rollback.arming import Permit
from targets import systems
from targets.target import Node, Ran, Target
from tests.fakes import FakeTarget, install
from tests.test_negative import DRILLS, kill_of_the_api

ROOT = Path(__file__).parent.parent
LAB = systems.load("lab")


def plan(tmp_path: Path, *options: str, **env: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "pytest", "drills/", "--plan", "-p", "tests.tripwire", *options]
    more = {"TRIPWIRE": str(tmp_path / "tripped"), "COLUMNS": "200", "DRILLYARD_STATE": str(tmp_path / "state"), **env}
    return subprocess.run(argv, cwd=ROOT, env={**os.environ, **more}, capture_output=True, text=True, check=False)


def test_every_drill_is_planned_and_nothing_is_touched(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = plan(tmp_path, "--target", target.address, "--run-folder", str(folder))
    assert done.returncode == 0, done.stdout
    assert f"{len(DRILLS)} planned in" in done.stdout
    for name, drill in DRILLS.items():
        assert name.removeprefix("test_").replace("_", "-") in done.stdout
        assert drill.experiment in done.stdout
    (leader,) = [node for node in target.nodes("postgres") if node.role == "primary"]  # any: other tests promote too
    leads = f"{leader.name} (primary, {leader.zone})"
    for says in (leads, "start the killed nodes again", "RTO 10 s, RPO 0 s, p0", "opens"):
        assert says in done.stdout, done.stdout
    assert not (tmp_path / "tripped").exists()
    assert not folder.exists()
    assert not [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert stopping.residue(target) == []


def test_it_builds_a_lab_where_none_is_given_and_takes_it_down(tmp_path: Path) -> None:
    done = plan(tmp_path, "-k", "every_replica_killed", "--repeat", "3", "-n", "2")
    assert done.returncode == 0, done.stdout
    assert "every-replica-killed, 3 times" in done.stdout
    assert "1 drill planned" in done.stdout
    assert "3 planned in" in done.stdout


def test_leftovers_are_told_and_not_healed(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    dead = journal.Owner(pid=1, started=1, boot="another")
    left = journal.Injection(
        id="left", drill="d", fault="kill", target=target.address, plan={"victims": ["api-1"]}, owner=dead,
        folder=None, planned_at_ns=1, inject_started_ns=1, expires_at_ns=1,
    )  # fmt: skip
    journal.write(left)
    before = (tmp_path / "state" / "open" / "left.json").stat()
    done = plan(tmp_path, "--target", target.address, "-k", "every_replica_killed")
    assert "refuses: injection left on" in done.stdout
    assert "1 would be refused" in done.stdout
    assert done.returncode == 0
    after = (tmp_path / "state" / "open" / "left.json").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_what_the_door_would_say_is_told(target: Target, tmp_path: Path) -> None:
    toml = (ROOT / "targets" / "systems" / "lab.toml").read_text()
    (tmp_path / "mine.toml").write_text(f"{toml}\n[safety]\nmax_victims = 1\napprovals = {{ p1 = 2 }}\n")
    done = plan(
        tmp_path, "--target", target.address, "--system", str(tmp_path / "mine.toml"), "-k", "every_replica_killed"
    )
    assert done.returncode == 0
    flat = " ".join(done.stdout.split())
    assert "refuses: it would hurt 2 nodes" in flat
    assert "severity p1 asks for 2 approval(s), 0 given" in flat


@pytest.fixture
def shut() -> Iterator[None]:
    guard.shut("--plan only tells what would be done")
    yield
    guard.shut()


def test_the_door_is_shut_for_everybody(shut: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test that would inject by itself, past the drill, finds the door shut: before anything is even looked at."""
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    target = FakeTarget()
    install(monkeypatch, target)
    monkeypatch.setenv("DRILLYARD_TARGET", target.address)
    with guard.Session(permit=Permit()) as session:
        with pytest.raises(guard.Refused, match="not injecting: --plan only tells"):
            guard.inject(session, target, "kill", component="a")
        monkeypatch.setattr(actions, "_current", [session])
        with pytest.raises(actions.StopMethod, match="--plan only tells"):
            actions.inject("kill", component="a")
    assert target.calls == []
    assert journal.open_records() == ((), ())


def planned(target: Any, experiment: Any, **held_to: Any) -> dict[str, Any]:
    """Plan without pytest around it."""
    planner = Planner(
        named=Named(test="test_it[a b]", marks=["p0"]), target=target, system=LAB, permit=Permit(), results=[]
    )
    with pytest.raises(pytest.skip.Exception, match="planned"):
        planner(experiment, **held_to)
    ((name, told),) = planner.results
    assert name == PROPERTY
    return dict(json.loads(str(told)))


def api() -> FakeTarget:
    return FakeTarget(running={"api-1": "1:1", "api-2": "2:1"})


def test_later_injections_are_planned_on_the_present_state_and_said_to_be() -> None:
    script = run.load("api-killed")
    away = kill_of_the_api()
    away["provider"]["arguments"]["component"] = "redis"
    script["method"] += [kill_of_the_api(), away]
    told = planned(api(), script, component="api")
    assert (told["drill"], told["severity"]) == ("it-a-b", "p0")
    first, second, third = told["injections"]
    assert first["note"] == ""
    assert [victim["name"] for victim in first["victims"]] == ["api-1", "api-2"]
    assert first["undo"] == "start the killed nodes again"
    assert second["note"] == third["note"] == LATER
    assert "has 0 nodes" in third["problem"]


class Bare:
    """A target that can do nothing but be asked."""

    address, disposable = "bare:one", True

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        return (Node(name=f"{component}-1", component=component, role=role or ""),)

    def endpoint(self, component: str) -> str:
        return f"http://127.0.0.1/{component}"

    def run(self, node: Node, argv: Any, *, timeout: float) -> Ran:
        raise AssertionError(f"{node}: {argv} is run for {timeout} s")


def test_a_missing_ability_is_told() -> None:
    assert planned(Bare(), "api-killed", component="api")["unable"] == "target bare:one cannot kill nodes"


def test_bad_input_fails_as_it_would_fail_the_drill() -> None:
    planner = Planner(named=Named(test="test_it", marks=[]), target=api(), system=LAB, permit=Permit())
    with pytest.raises(pytest.fail.Exception, match="experiment 'nowhere'"):
        planner("nowhere", component="api")
