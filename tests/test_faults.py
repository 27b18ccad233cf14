"""Conformance: every fault in the folder keeps the whole contract, on the real lab."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from experiments import faults
from rollback import guard, journal
from rollback import stop as stopping
from rollback.arming import Permit
from targets.abilities import Killable
from targets.target import Target, Unable, VictimGone

TRIED_WITH: dict[str, dict[str, Any]] = {
    "fill": {"component": "postgres", "role": "standby", "count": 1},
    "flush": {"component": "redis", "prefix": "worker:"},
    "crash": {"component": "objects"},
    "delay": {"source": "api", "destination": "objects", "seconds": 0.05},
    "errors": {"component": "objects", "status": 503},
    "exhaust": {"component": "postgres", "role": "standby"},
    "flood": {"component": "api", "callers": 20},
    "kill": {"component": "worker"},
    "lose": {"component": "postgres", "role": "standby", "count": 1},
    "misconfigure": {"component": "postgres", "name": "synchronous_commit", "value": "off"},
    "outage": {"component": "objects"},
    "pause": {"component": "api", "count": 1},
    "partition": {"source": "api", "destination": "redis"},
    "release": {"component": "api", "release": "crashing"},
    "poison": {"component": "worker", "ends": "exit"},
    "skew": {"component": "postgres", "role": "standby", "count": 1, "seconds": 3600},
    "stress": {"component": "worker", "workers": 1, "seconds": 60},
}


@pytest.fixture(params=faults.names())
def kind(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    assert name in TRIED_WITH, f"say in TRIED_WITH how to try the new fault {name!r}"
    return name


@pytest.fixture
def clean(kind: str, target: Target) -> Iterator[Target]:
    """Give the lab, if it can do that, and see that the test leaves it as it was."""
    try:
        faults.load(kind).plan(target, **TRIED_WITH[kind])
    except Unable as lacks:
        pytest.skip(str(lacks))
    assert stopping.residue(target) == []
    yield target
    assert stopping.residue(target) == []


def test_plan_reads_only_and_is_data_that_names_its_victims(kind: str, clean: Target) -> None:
    plan = faults.load(kind).plan(clean, **TRIED_WITH[kind])
    assert json.loads(json.dumps(plan)) == plan
    assert plan["victims"]
    assert plan["undo"]
    assert faults.load(kind).active(clean, plan) is False


def test_it_bites_is_healed_and_gone(kind: str, clean: Target) -> None:
    fault = faults.load(kind)
    plan = fault.plan(clean, **TRIED_WITH[kind])
    fault.inject(clean, plan)
    assert fault.active(clean, plan) is not False
    fault.heal(clean, plan)
    assert fault.active(clean, plan) is not True


def test_healing_is_idempotent_and_legal_before_the_fault(kind: str, clean: Target) -> None:
    fault = faults.load(kind)
    plan = fault.plan(clean, **TRIED_WITH[kind])
    fault.heal(clean, plan)
    assert fault.active(clean, plan) is False
    fault.inject(clean, plan)
    fault.heal(clean, plan)
    fault.heal(clean, plan)
    assert fault.active(clean, plan) is not True


def test_injecting_twice_is_healed_by_one_heal(kind: str, clean: Target) -> None:
    fault = faults.load(kind)
    plan = fault.plan(clean, **TRIED_WITH[kind])
    fault.inject(clean, plan)
    with suppress(VictimGone):  # a victim dies once; whoever runs now was not in the plan
        fault.inject(clean, plan)
    fault.heal(clean, plan)
    assert fault.active(clean, plan) is not True


def test_healing_forgives_a_victim_that_died_meanwhile(kind: str, clean: Target) -> None:
    fault = faults.load(kind)
    plan = fault.plan(clean, **TRIED_WITH[kind])
    fault.inject(clean, plan)
    assert isinstance(clean, Killable)
    victim = plan["victims"][0]
    instance = clean.incarnation(victim)
    if instance:
        with suppress(VictimGone):  # one that crashes by itself was faster
            clean.kill(victim, instance)
    fault.heal(clean, plan)
    clean.start(victim)
    assert fault.active(clean, plan) is not True


def test_residue_shows_what_is_in_force(kind: str, clean: Target) -> None:
    fault = faults.load(kind)
    plan = fault.plan(clean, **TRIED_WITH[kind])
    fault.inject(clean, plan)
    shown, lasting = fault.residue(clean), fault.active(clean, plan)
    fault.heal(clean, plan)
    assert shown or not lasting
    assert fault.residue(clean) == []


def test_through_the_door_it_leaves_a_closed_record(
    kind: str, clean: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    with guard.Session(permit=Permit(), folder=tmp_path) as session:
        record = guard.inject(session, clean, kind, **TRIED_WITH[kind])
        assert record.bite is not False
        (healed,) = session.stop(by="test").healed
    assert healed.healed_at_ns is not None
    assert healed.residue == ()
    assert journal.open_records() == ((), ())
    assert (tmp_path / "injections" / f"{record.id}.json").is_file()
