"""The sweep can fail: a fault that breaks one clause of the contract is caught, whichever clause it is."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from experiments import faults
from experiments.faults import Plan
from experiments.faults import partition as good
from targets.lab.target import LocalTarget
from targets.rules import Rule
from tests.conformance import tried
from tests.conformance.test_contract import (
    test_healing_forgives_a_vanished_victim as forgives,
)
from tests.conformance.test_contract import (
    test_injected_twice_and_healed_by_two_at_once as is_idempotent,
)
from tests.conformance.test_contract import (
    test_it_reads_bites_heals_and_leaves_nothing as keeps_its_word,
)
from tests.conformance.whole import Whole

EXTRA = Rule(id="partition-extra", sources=("worker-1",), destinations=("objects-a",), mode="drop")


def plan_that_acts(target: LocalTarget, **params: Any) -> dict[str, Any]:
    target.cut(EXTRA)
    return good.plan(target, **params)


def inject_that_does_nothing(target: LocalTarget, plan: Plan) -> None:
    pass


def inject_that_does_more_than_planned(target: LocalTarget, plan: Plan) -> None:
    good.inject(target, plan)
    (target.folder / "worker-1" / "notes").touch()


def inject_that_is_not_the_same_twice(target: LocalTarget, plan: Plan) -> None:
    if good.active(target, plan):
        target.cut(EXTRA)
    good.inject(target, plan)


def active_that_is_always_true(target: LocalTarget, plan: Plan) -> bool:
    return True


def heal_that_does_nothing(target: LocalTarget, plan: Plan) -> None:
    pass


def heal_that_forgets_one(target: LocalTarget, plan: Plan) -> None:
    target.uncut(plan["cuts"][0]["id"])


def heal_that_wants_a_fault(target: LocalTarget, plan: Plan) -> None:
    assert good.active(target, plan), "there is nothing to heal"
    good.heal(target, plan)


def heal_that_wants_its_victims(target: LocalTarget, plan: Plan) -> None:
    assert all(target.incarnation(name) in RUNNING for name in plan["victims"]), "a victim is gone"
    good.heal(target, plan)


def heal_that_wants_to_be_alone(target: LocalTarget, plan: Plan) -> None:
    assert ALONE.acquire(blocking=False), "somebody else heals it"
    try:
        for _ in range(50):  # long enough to be met
            good.heal(target, plan)
    finally:
        ALONE.release()


def residue_that_sees_nothing(target: LocalTarget) -> list[str]:
    return []


ALONE = threading.Lock()
RUNNING: set[str | None] = set()
Check = Callable[..., None]
BROKEN: list[tuple[Callable[..., Any], Check]] = [
    (plan_that_acts, keeps_its_word),
    (inject_that_does_nothing, keeps_its_word),
    (inject_that_does_more_than_planned, keeps_its_word),
    (inject_that_is_not_the_same_twice, is_idempotent),
    (active_that_is_always_true, keeps_its_word),
    (heal_that_does_nothing, keeps_its_word),
    (heal_that_forgets_one, keeps_its_word),
    (heal_that_wants_a_fault, keeps_its_word),
    (heal_that_wants_its_victims, lambda fault, plan, whole: forgives(fault, "partition", plan, whole, replaced=False)),
    (heal_that_wants_to_be_alone, is_idempotent),
    (residue_that_sees_nothing, keeps_its_word),
]


@pytest.fixture
def fresh(whole: Whole) -> Iterator[Whole]:
    """Give the lab with less patience than the real sweep has: here it is to be disappointed."""
    assert isinstance(whole.lab, LocalTarget)
    RUNNING.update(whole.lab.incarnation(f"api-{number}") for number in (1, 2))
    yield Whole(whole.lab, settles_s=0.5)
    (whole.lab.folder / "worker-1" / "notes").unlink(missing_ok=True)
    for cut in whole.lab.cuts():
        whole.lab.uncut(cut)


def sound() -> SimpleNamespace:
    return SimpleNamespace(**{name: getattr(good, name) for name in ("plan", "inject", "active", "heal", "residue")})


def run(check: Check, fault: SimpleNamespace, fresh: Whole) -> None:
    check(fault, fault.plan(fresh.lab, **tried.params("partition")), fresh)
    fresh.check()


@pytest.mark.parametrize(("broken", "check"), BROKEN, ids=[broken.__name__ for broken, _ in BROKEN])
def test_it_is_caught(broken: Callable[..., Any], check: Check, fresh: Whole) -> None:
    fault = sound()
    setattr(fault, broken.__name__.partition("_")[0], broken)
    with pytest.raises(AssertionError):
        run(check, fault, fresh)


@pytest.mark.parametrize("check", [keeps_its_word, is_idempotent])
def test_a_sound_one_is_not(check: Check, fresh: Whole) -> None:
    run(check, sound(), fresh)


def test_a_new_fault_has_to_be_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "names", lambda: ("partition", "brand-new"))
    assert tried.kinds() == ("partition", "brand-new")
    with pytest.raises(
        AssertionError, match=r"say in tests/conformance/tried\.py how to try the new fault 'brand-new'"
    ):
        tried.params("brand-new")
