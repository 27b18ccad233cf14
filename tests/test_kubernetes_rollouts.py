"""A shop's front that Argo Rollouts roll out, on a cluster that has them: what drills do to Deployments, done to it."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from experiments import faults
from experiments.recovery import api, workloads
from targets import where
from targets.clustered import PERMIT_THAT
from targets.pods import kinds, rights, sweep
from targets.pods.cluster import Cluster
from targets.pods.releases import CRASHING, MISSING
from targets.pods.target import KubernetesTarget
from targets.pods.workloads import Selection
from targets.waiting import until
from tests import accounts
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, SHOP

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())
OWNER = "Rollout/front"
WHERE = {"front": Selection(namespace=NAMESPACE, select="app=front")}


@pytest.fixture(scope="module")
def rolled(cluster: Cluster) -> Cluster:
    """Give the shop's cluster with its front on it."""
    if kinds.ROLLOUT not in kinds.known(cluster):
        pytest.skip(f"context {cluster.context}: Argo Rollouts are not installed on it")
    (image,) = {each.spec.containers[0].image for each in cluster.core.list_namespaced_pod(NAMESPACE).items}
    manifest = yaml.safe_load((SHOP / "front.k8s.yaml").read_text().replace("SHOP_IMAGE", image))
    cluster.plain("post", kinds.path(kinds.ROLLOUT, NAMESPACE), manifest)
    return cluster


@pytest.fixture
def front(rolled: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesTarget]:
    there = KubernetesTarget(rolled, f"kubernetes:{rolled.context}", WHERE)
    monkeypatch.setattr(where, "target", lambda: there)
    until(serving(there), LONG_S, "the front to serve", 0.5)
    yield there
    there.expire(datetime.now(UTC))
    until(serving(there), LONG_S, "the front to serve again", 0.5)
    assert not sweep.left(rolled)


def serving(front: KubernetesTarget) -> Callable[[], bool]:
    return lambda: [pod.ready for pod in front.pods("front")] == [True, True]


def test_its_pods_are_known_to_be_its(front: KubernetesTarget) -> None:
    assert {pod.owner for pod in front.pods("front")} == {OWNER}
    assert front.rolled_out(["front"])


def test_a_lost_pod_stays_away_until_it_is_started(front: KubernetesTarget) -> None:
    victim = front.nodes("front")[0].name
    front.kill(victim, front.incarnation(victim) or "", for_good=True)
    assert front.incarnation(victim) is None
    until(lambda: front.down() == ("a pod of front",), LONG_S, "its pod to be gone")
    assert sum(pod.ready for pod in front.pods("front")) == 1
    front.start(victim)
    assert front.down() == ()


@pytest.mark.parametrize("release", [CRASHING, MISSING])
def test_a_bad_release_is_taken_back_and_its_old_pods_serve_meanwhile(front: KubernetesTarget, release: str) -> None:
    fault, before = faults.load("release"), {pod.name for pod in front.pods("front")}
    plan = fault.plan(front, component="front", release=release)
    fault.inject(front, plan)
    assert fault.active(front, plan)
    until(lambda: len(front.pods("front")) == 3, LONG_S, "a pod of the bad release")
    assert {pod.name for pod in front.pods("front") if pod.ready} == before
    fault.heal(front, plan)
    assert not fault.active(front, plan)
    assert {pod.name for pod in front.pods("front") if pod.ready} == before


def test_the_runbook_undoes_what_crashes(front: KubernetesTarget) -> None:
    node = front.nodes("front")[0].name
    was = front.releases(node)
    front.deploy(node, CRASHING)
    told = api.roll_back(component="front", restarts=1, detect_within_s=LONG_S)
    assert told["from"] == CRASHING
    assert set(told["to"].values()) == set(was)


def test_labels_alone_take_it_back_when_it_is_due(front: KubernetesTarget) -> None:
    over = datetime.now(UTC) + timedelta(seconds=LONG_S)
    front.expire(over)
    front.deploy(front.nodes("front")[0].name, MISSING)
    assert not sweep.left(front.cluster, over - timedelta(seconds=1))
    assert sweep.sweep(front.cluster, over) == (f"{NAMESPACE}/front: a bad release",)
    assert not front.strayed()


def test_all_pods_are_replaced_by_a_restart(front: KubernetesTarget) -> None:
    before = {pod.uid for pod in front.pods("front")}
    workloads.restart("front")
    now = [pod for pod in front.pods("front") if pod.incarnation]
    assert [pod.ready for pod in now] == [True, True]
    assert not before & {pod.uid for pod in now}


def test_what_is_said_to_do_by_hand_does_it(front: KubernetesTarget) -> None:
    if not shutil.which("kubectl-argo-rollouts"):
        pytest.skip("kubectl-argo-rollouts, Argo's plugin, is not installed")
    fault = faults.load("release")
    plan = fault.plan(front, component="front", release=MISSING)
    fault.inject(front, plan)
    for line in dict.fromkeys(fault.by_hand(front, plan)):
        subprocess.run(line, shell=True, check=True, capture_output=True, text=True)  # noqa: S602  that is how it is meant
    assert not fault.active(front, plan)


@pytest.mark.parametrize("permitted", [False, True])
def test_a_right_that_lacks_is_named(front: KubernetesTarget, tmp_path: Path, permitted: bool) -> None:
    doings = (*rights.USUAL, rights.ROLLOUT) if permitted else rights.USUAL
    porter = f"porter-{len(doings)}"
    with accounts.made(front.cluster, NAMESPACE, porter, doings, tmp_path / "kubeconfig"):
        porters = Cluster(context=porter, kubeconfig=tmp_path / "kubeconfig")
        found = KubernetesTarget(porters, f"kubernetes:{porter}", WHERE).forbidden(["front"])
    lacks = "does not permit it: get rollouts in shop, list rollouts in shop, patch rollouts in shop; "
    assert found == ("" if permitted else lacks + PERMIT_THAT.format(rights.ROLLOUT))
