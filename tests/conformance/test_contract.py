"""Conformance: every fault in the folder keeps the whole contract, on the real lab, and leaves the world as it was."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from experiments import faults
from experiments.faults import Fault
from targets.lab.layout import part
from targets.target import Target, VictimGone, attach
from targets.waiting import until
from tests.conformance import tried
from tests.conformance.whole import Lab, Whole

REPLACED_S = 30.0


@pytest.fixture(params=tried.kinds())
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fault(kind: str) -> Fault:
    return faults.load(kind)


@pytest.fixture
def plan(kind: str, whole: Whole) -> dict[str, Any]:
    return tried.planned(kind, whole.lab)


def test_it_reads_bites_heals_and_leaves_nothing(fault: Fault, plan: dict[str, Any], whole: Whole) -> None:
    lab = whole.lab
    assert json.loads(json.dumps(plan)) == plan
    assert plan["victims"]
    assert plan["undo"]
    assert fault.active(lab, plan) is False
    fault.heal(lab, plan)
    whole.check()  # neither plan nor a heal before the fault did anything
    fault.inject(lab, plan)
    assert fault.active(lab, plan) is not False
    shown, seen = fault.residue(lab), whole.changes()
    if fault.active(lab, plan):  # one that ends by itself may have ended before it was looked at
        assert shown
        assert seen, "nobody but the fault itself sees it"
    fault.heal(lab, plan)
    fault.heal(lab, plan)
    assert fault.active(lab, plan) is not True
    assert fault.residue(lab) == []


def test_injected_twice_and_healed_by_two_at_once(fault: Fault, plan: dict[str, Any], whole: Whole) -> None:
    fault.inject(whole.lab, plan)
    with suppress(VictimGone):  # a victim dies once; whoever runs now was not in the plan
        fault.inject(whole.lab, plan)
    assert both(lambda target: fault.heal(target, plan), whole.lab.address) == []
    assert fault.active(whole.lab, plan) is not True


def both(work: Callable[[Target], None], address: str) -> list[Exception]:
    """Do something twice at the same moment, each time on a target that was attached to anew; give what was raised."""
    together, errors = threading.Barrier(2), []

    def once() -> None:
        target = attach(address)
        together.wait()
        try:
            work(target)
        except Exception as error:  # noqa: BLE001  none is expected
            errors.append(error)

    threads = [threading.Thread(target=once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def _replace(lab: Lab, victim: str, instance: str | None, *, lost: bool) -> None:
    """Have another instance run in the victim's place, whatever becomes of it; `lost`: with its host, for good."""
    if lost or not part(victim).restarts:
        lab.start(victim)
    until(lambda: lab.incarnation(victim) not in (None, instance), REPLACED_S, f"{victim}: to run again")


@pytest.mark.parametrize("replaced", [False, True], ids=["dead", "replaced"])
def test_healing_forgives_a_vanished_victim(
    fault: faults.Fault, kind: str, plan: dict[str, Any], whole: Whole, replaced: bool
) -> None:
    lab, victim = whole.lab, plan["victims"][0]
    fault.inject(lab, plan)
    if instance := lab.incarnation(victim):
        with suppress(VictimGone):  # one that crashes by itself was faster
            lab.kill(victim, instance)
    if replaced:
        _replace(lab, victim, instance, lost=kind == "crash")
    fault.heal(lab, plan)
    lab.start(victim)
    assert fault.active(lab, plan) is not True
    whole.check(moved=True)  # a leader that died was replaced
