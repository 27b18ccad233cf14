"""The negative trials of the drills that only a cluster can play, on the lab on a real kind cluster."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drills.harness.asked import Named
from drills.harness.play import Drill, Yard
from reports.outcome import Outcome
from rollback import actions, guard
from rollback.arming import Permit
from targets import systems, where
from targets.pods.kindlab import KindTarget
from tests.kindlab import await_orders_heeded, lacks
from tests.test_negative import DRILLS, IN_CLUSTERS, broken, disarm, edited, kill_of_the_api
from tests.test_negative_api import injecting

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture(scope="module", autouse=True)
def works_for_others(kind_lab: KindTarget) -> Iterator[None]:
    yield
    await_orders_heeded(kind_lab)


@pytest.fixture
def drill(kind_lab: KindTarget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Outcome]]:
    """Play on the cluster's lab, in a session of the test's own."""
    monkeypatch.setenv(where.VARIABLE, kind_lab.address)
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(guard.Session(permit=Permit(armed=frozenset({"kube-system"}))))
        stack.callback(actions.use, None)
        actions.use(session)
        yard = Yard(
            target=kind_lab, system=systems.load("lab-on-kind"), session=session, folder=tmp_path / "run", tells=False
        )
        yield Drill(named=Named(test="test_negative", marks=()), yard=yard)
        session.stop(by="teardown").check()


@pytest.mark.parametrize("name", sorted(IN_CLUSTERS))
def test_a_harmless_fault_is_unknown(drill: Callable[..., Outcome], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    played = DRILLS[name]
    disarm(monkeypatch, played.experiment)
    outcome = drill(played.experiment, **played.held_to)
    assert outcome.verdict == "unknown", outcome
    assert "does not hurt" in repr(outcome)


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(IN_CLUSTERS))
def test_a_broken_probe_is_unknown(drill: Callable[..., Outcome], name: str) -> None:
    played = DRILLS[name]
    outcome = drill(broken(played.experiment), **played.held_to)
    assert outcome.verdict == "unknown", outcome
    assert not outcome.injections


def test_a_drain_that_takes_the_other_replica_too_is_missed(drill: Callable[..., Outcome]) -> None:
    script = edited("api-host-drained")
    script["method"].insert(1, kill_of_the_api())
    outcome = drill(script, **DRILLS["test_host_drained"].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_without_a_quota_somebody_takes_its_place_and_that_is_not_met(drill: Callable[..., Outcome]) -> None:
    script = edited("api-not-replaced", without=("use the quota up",))
    script["method"][1]["provider"]["arguments"]["seconds"] = 30
    outcome = drill(script, **DRILLS["test_killed_while_nothing_can_start"].held_to)
    assert not outcome.met, outcome
    assert "2 nodes run, not 1" in repr(outcome)


@pytest.mark.nightly
def test_when_both_are_killed_while_nothing_can_start_it_is_missed(drill: Callable[..., Outcome]) -> None:
    script = injecting("api-not-replaced", "kill one replica", count=2)
    script["method"] = [each for each in script["method"] if each["name"] != "nobody takes its place"]
    script["method"].insert(2, hold(12))
    outcome = drill(script, **DRILLS["test_killed_while_nothing_can_start"].held_to)
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


@pytest.mark.nightly  # it takes a minute and a half, like the drill
def test_a_host_that_nobody_gives_up_in_time_is_missed(drill: Callable[..., Outcome]) -> None:
    outcome = drill("host-without-power", **DRILLS["test_host_without_power"].held_to | {"rto": "1 ms"})
    assert outcome.verdict == "missed", outcome
    assert outcome.put_back


def test_without_a_control_plane_nobody_is_replaced(drill: Callable[..., Outcome]) -> None:
    script = edited("control-plane-away")
    script["method"].insert(0, kill_of_the_api())
    outcome = drill(script, **DRILLS["test_control_plane_away"].held_to)
    assert outcome.verdict == "missed", outcome
    assert len(outcome.injections) == 2
    assert outcome.put_back


def hold(seconds: float) -> dict[str, object]:
    words = {"type": "python", "module": "probes.wait", "func": "hold", "arguments": {"seconds": seconds}}
    return {"type": "probe", "name": "wait", "provider": words}
