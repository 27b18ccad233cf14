"""Noisy neighbours of a shop on a real cluster, under the rights that `targets rbac` writes."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import faults
from targets import where
from targets.pods import rights, sweep, workloads
from targets.pods.cluster import Cluster
from targets.pods.neighbours import LOAD
from targets.pods.target import KubernetesTarget
from targets.pods.workloads import Pod, Selection
from targets.target import BadInput, TargetError, Unable
from targets.waiting import until
from tests import accounts
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, WHERE

FAULT = faults.load("stress")
OURS = {"ours": Selection(namespace=NAMESPACE, select="chaos-type=stress")}

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture(scope="module")
def noise(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give it as somebody has it who may do what drills usually need, and nothing else."""
    file = tmp_path_factory.mktemp("noise") / "kubeconfig"
    with accounts.made(cluster, NAMESPACE, "noise", rights.USUAL, file):
        yield Cluster(context="noise", kubeconfig=file)


@pytest.fixture
def shop(cluster: Cluster, noise: Cluster) -> Iterator[KubernetesTarget]:
    yield KubernetesTarget(noise, "kubernetes:noise", WHERE)
    assert not sweep.left(cluster)


def neighbours(cluster: Cluster) -> tuple[Pod, ...]:
    return workloads.of(cluster, OURS)["ours"]


def test_cpu_is_burnt_on_the_hosts_of_the_nodes(cluster: Cluster, shop: KubernetesTarget) -> None:
    plan = FAULT.plan(shop, component="web", workers=2, seconds=LONG_S)
    assert not FAULT.active(shop, plan)
    FAULT.inject(shop, plan)
    try:
        assert FAULT.active(shop, plan)
        assert sorted(pod.host for pod in neighbours(cluster)) == sorted(pod.host for pod in shop.pods("web"))
        assert [shop.loading(each) for each in plan["loads"].values()] == [2, 2]
        assert len(FAULT.residue(shop)) == 2
        pods = {node: shop.find(node) for node in plan["victims"]}
        assert all(pod and pod.ready for pod in pods.values())
    finally:
        FAULT.heal(shop, plan)
    assert FAULT.active(shop, plan) is False
    FAULT.heal(shop, plan)
    assert FAULT.residue(shop) == []
    assert not neighbours(cluster)


def test_memory_is_held_and_given_back_by_the_printed_commands(cluster: Cluster, shop: KubernetesTarget) -> None:
    with pytest.raises(
        BadInput, match=r"9999999 megabytes are more than 50% of the \d+ that are available beside db-0"
    ):
        FAULT.plan(shop, component="db", kind="memory", megabytes=9999999)
    plan = FAULT.plan(shop, component="db", kind="memory", megabytes=200, seconds=LONG_S)  # the shop has no limits
    FAULT.inject(shop, plan)
    try:
        (ours,) = neighbours(cluster)
        host = next(pod.host for pod in shop.pods("db"))
        assert (ours.host, ours.ready) == (host, True)
        for line in FAULT.by_hand(shop, plan):
            subprocess.run(shlex.split(line), check=True, capture_output=True)
        until(lambda: not neighbours(cluster), LONG_S, "they go", 0.2)
    finally:
        FAULT.heal(shop, plan)


def test_it_ends_by_itself_and_labels_alone_take_it_away(cluster: Cluster, shop: KubernetesTarget) -> None:
    plan = FAULT.plan(shop, component="db", workers=1, seconds=3)
    FAULT.inject(shop, plan)
    assert FAULT.active(shop, plan)
    until(lambda: not FAULT.active(shop, plan), LONG_S, "it ends", 0.2)
    assert shop.loads() == frozenset()
    (left,) = neighbours(cluster)
    assert sweep.sweep(cluster) == (f"{NAMESPACE}/{left.name}: a pod of ours",)
    assert LOAD in left.labels


def test_what_ends_before_it_works_is_told_at_once(
    cluster: Cluster, shop: KubernetesTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = cluster.core.list_namespaced_pod("kube-system", label_selector="k8s-app=kube-proxy").items
    monkeypatch.setenv(where.OBSERVER_IMAGE, proxies[0].spec.containers[0].image)  # every node has it; no Python does
    plan = FAULT.plan(shop, component="db", seconds=LONG_S)
    try:
        with pytest.raises(TargetError, match=r"to work on .*: it ended"):
            FAULT.inject(shop, plan)
    finally:
        FAULT.heal(shop, plan)


def test_what_cannot_be_set_to_work_there_is_said_before(
    cluster: Cluster, shop: KubernetesTarget, tmp_path: Path
) -> None:
    with pytest.raises(Unable, match=r"burn CPU or hold memory; not connections"):
        faults.load("exhaust").plan(shop, component="db")
    with accounts.made(cluster, NAMESPACE, "guest", [rights.LOOK], tmp_path / "guest"):
        guest = KubernetesTarget(Cluster(context="guest", kubeconfig=tmp_path / "guest"), "kubernetes:guest", WHERE)
        with pytest.raises(
            Unable, match=r"does not permit it: create pods in shop, delete pods in shop, .*targets rbac"
        ):
            FAULT.plan(guest, component="web")
