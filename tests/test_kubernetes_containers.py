"""A container of a shop on a real cluster, killed in its pod."""

from collections.abc import Iterator

import pytest

from experiments import faults
from targets.boxes import here
from targets.pods import containers, sweep
from targets.pods.cluster import Cluster
from targets.pods.target import KubernetesTarget
from targets.target import BadInput, TargetError, Unable, VictimGone
from targets.waiting import until
from tests.fakes import FakeTarget
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, WHERE, serves

FAULT = faults.load("kill")

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[KubernetesTarget]:
    yield KubernetesTarget(cluster, f"kubernetes:{cluster.context}", WHERE)
    until(lambda: serves(cluster), LONG_S, "the shop to be open again", 0.5)
    assert not sweep.left(cluster)


def uids(shop: KubernetesTarget) -> set[str]:
    return {pod.uid for pods in shop.everywhere().values() for pod in pods}


@pytest.mark.parametrize("seen", [True, False])
def test_it_ends_and_its_pod_stays(shop: KubernetesTarget, monkeypatch: pytest.MonkeyPatch, *, seen: bool) -> None:
    if not seen:  # as from another machine: the database heeds SIGTERM
        monkeypatch.setattr(here, "processes", lambda _: {})
    before = uids(shop)
    (started,) = [pod.restarts for pod in shop.pods("db")]
    plan = FAULT.plan(shop, component="db", contained=True)
    FAULT.inject(shop, plan)
    FAULT.heal(shop, plan)
    assert FAULT.active(shop, plan) is None
    assert uids(shop) == before
    assert [pod.restarts for pod in shop.pods("db")] == [started + 1]
    with pytest.raises(VictimGone):
        shop.end_container("db-0", plan["instances"]["db-0"])


def test_one_that_does_not_heed_is_told(shop: KubernetesTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "processes", lambda _: {})
    monkeypatch.setattr(containers, "ENDED_WITHIN_S", 2.0)
    victim = shop.nodes("web")[0].name
    instance = shop.incarnation(victim)
    assert instance
    with pytest.raises(TargetError, match=r"may not heed SIGTERM"):
        shop.end_container(victim, instance)
    assert shop.incarnation(victim) == instance


def test_it_has_neither_a_grace_nor_is_it_for_good(shop: KubernetesTarget) -> None:
    with pytest.raises(BadInput, match=r"contained=true has neither"):
        FAULT.plan(shop, component="db", contained=True, for_good=True)
    with pytest.raises(Unable, match=r"cannot kill a node's container without the node"):
        FAULT.plan(FakeTarget(), component="a", contained=True)
