"""A shop on a real cluster, helped as its operators would do it: unblocked, restarted, off a dead host."""

from collections.abc import Iterator
from typing import Any

import pytest

from experiments.recovery import workloads as runbook
from targets import where
from targets.pods import clusters, power, sweep
from targets.pods.cluster import Cluster
from targets.pods.remedies import RESTARTED
from targets.pods.target import KubernetesTarget
from targets.rules import Rule
from targets.target import TargetError, Unable
from targets.waiting import until
from tests.fakes import FakeTarget
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, WHERE, serves

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def shop(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesTarget]:
    there = KubernetesTarget(cluster, f"kubernetes:{cluster.context}", WHERE)
    monkeypatch.setattr(where, "target", lambda: there)
    yield there
    until(lambda: serves(cluster), LONG_S, "the shop to be open again", 0.5)
    assert not sweep.left(cluster)


def test_a_policy_of_a_drill_is_found_and_deleted_and_no_other(shop: KubernetesTarget) -> None:
    (db,) = shop.nodes("db")
    webs = tuple(node.name for node in shop.nodes("web"))
    theirs = {"metadata": {"name": "theirs"}, "spec": {"podSelector": {"matchLabels": {"app": "nobody"}}}}
    with pytest.raises(TargetError, match=r"a policy that concerns db"):
        runbook.unblock("db", detect_within_s=0.1)
    shop.cluster.networking.create_namespaced_network_policy(NAMESPACE, theirs)
    shop.cut(Rule(id="partition-5", sources=webs, destinations=(db.name,), mode="drop"))
    try:
        assert shop.blocking("db") == ("partition-5",)
        assert runbook.unblock("db")["policies"] == ["partition-5"]
        assert shop.cuts() == frozenset()
        left = shop.cluster.networking.list_namespaced_network_policy(NAMESPACE).items
        assert [each.metadata.name for each in left] == ["theirs"]
    finally:
        shop.uncut("partition-5")  # its labels
        shop.cluster.networking.delete_namespaced_network_policy("theirs", NAMESPACE)


@pytest.mark.parametrize(("component", "kind"), [("web", "deployment"), ("db", "stateful_set")])
def test_all_pods_are_replaced_and_the_new_ones_serve(shop: KubernetesTarget, component: str, kind: str) -> None:
    before = {pod.uid for pod in shop.pods(component)}
    told: dict[str, Any] = runbook.restart(component)
    now = [pod for pod in shop.pods(component) if pod.incarnation]
    assert len(now) == len(before)
    assert all(pod.ready for pod in now)
    assert not before & {pod.uid for pod in now}
    assert told["detected_ns"] <= told["recovery_started_ns"]
    read = getattr(shop.cluster.apps, f"read_namespaced_{kind}")(component, NAMESPACE)
    assert RESTARTED in read.spec.template.metadata.annotations


def test_what_is_on_a_dead_host_is_given_up_and_replaced_elsewhere(shop: KubernetesTarget) -> None:
    name = shop.cluster.context.removeprefix("kind-")
    with pytest.raises(TargetError, match=r"a host of web to be dead"):
        runbook.give_up_hosts("web", detect_within_s=0.1)
    (db,) = shop.pods("db")  # it may not leave its volume, and a new web pod asks it before it serves
    if db.zone != clusters.ITS_ZONE and any(pod.host == db.host for pod in shop.pods("web")):
        runbook.leave_zone("web", db.zone)
    workers = {pod.host for pod in shop.pods("web")} - {f"{name}-control-plane", db.host}
    assert workers, "one of two pods is on a worker without the database"
    host = min(workers)
    lost = {pod.name for pod in shop.pods("web") if pod.host == host}
    power.switch_off(name, host)
    try:
        told = runbook.give_up_hosts("web")
        assert told["hosts"] == [host]
        assert set(told["deleted"]) == lost
        assert all(pod.host != host for pod in shop.pods("web") if pod.ready)
        assert shop.has_all("web")
    finally:
        power.switch_on(shop.cluster, name, host)
    until(lambda: not shop.unheard(), LONG_S, "the host to be heard of", 0.5)


def test_a_component_leaves_a_zone_and_its_host_is_open_again(shop: KubernetesTarget) -> None:
    zone = next(pod.zone for pod in shop.pods("web") if pod.zone != clusters.ITS_ZONE)
    before = {pod.uid for pod in shop.pods("web") if pod.zone != zone}
    told = runbook.leave_zone("web", zone)
    now = [pod for pod in shop.pods("web") if pod.ready]
    assert len(now) == 2
    assert all(pod.zone != zone for pod in now)
    assert before <= {pod.uid for pod in now}, "who was elsewhere stays"
    assert told["hosts"]
    assert shop.closed() == frozenset()
    with pytest.raises(TargetError, match=f"no pod of web is in zone '{zone}'"):
        runbook.leave_zone("web", zone)


def test_where_there_is_no_room_elsewhere_the_zone_is_open_again(shop: KubernetesTarget) -> None:
    (db,) = shop.nodes("db")  # it may not leave its volume, nor that its host
    closed = db.zone == clusters.ITS_ZONE
    wrong = (Unable, "it is not drained") if closed else (TargetError, "db to have all its pods elsewhere: not within")
    with pytest.raises(wrong[0], match=wrong[1]):
        runbook.leave_zone("db", db.zone, serves_within_s=5.0)
    assert shop.closed() == frozenset()
    until(lambda: shop.has_all("db"), LONG_S, "it to be back", 0.5)


def test_elsewhere_there_is_no_such_runbook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(where, "target", FakeTarget)
    with pytest.raises(Unable, match=r"has no workloads of a cluster"):
        runbook.restart("web")
