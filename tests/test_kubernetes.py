"""A shop that is not ours on a real cluster, under exactly the rights that `targets rbac` writes, and no others."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from experiments import faults
from targets import where
from targets.clustered import Taken
from targets.places import ROOT
from targets.pods import canary, policies, reaper, rights, sweep, workloads
from targets.pods.cluster import Cluster, connected
from targets.pods.target import REPLACED, KubernetesTarget
from targets.pods.workloads import Selection
from targets.rules import Rule
from targets.target import TargetError, Unable, VictimGone, attach
from targets.waiting import until
from tests import accounts
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, SHOP, WHERE, serves, system

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture(scope="module")
def clerk(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the name of a context that may do what `targets rbac` writes, and nothing else."""
    file = tmp_path_factory.mktemp("clerk") / "kubeconfig"
    with accounts.made(cluster, NAMESPACE, "clerk", rights.USUAL, file):
        described = file.with_suffix(".toml")
        described.write_text(system(cluster))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(file))
            patch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
            patch.setenv(where.SYSTEM, str(described))
            yield "clerk"
        connected.cache_clear()


@pytest.fixture
def shop(clerk: str) -> KubernetesTarget:
    opened = attach(f"kubernetes:{clerk}")
    assert isinstance(opened, KubernetesTarget)
    return opened


def test_what_is_not_permitted_is_named(cluster: Cluster, shop: KubernetesTarget) -> None:
    assert shop.forbidden(["web"]) == ""
    assert shop.namespaces(["web", "db"]) == {NAMESPACE}
    assert rights.lacking(shop.cluster, ["default"], rights.KILL)[0] == "delete pods in default"
    assert rights.lacking(cluster, ["default"], rights.KILL) == ()


def test_a_pod_is_killed_and_replaced(shop: KubernetesTarget) -> None:
    victim = shop.nodes("web")[0].name
    instance = shop.incarnation(victim)
    assert instance
    shop.kill(victim, instance)
    with pytest.raises(VictimGone):
        shop.kill(victim, instance)
    assert until(lambda: shop.incarnation(victim), LONG_S, "it is replaced") == REPLACED


def test_what_is_lost_for_good_stays_down_until_it_is_started(shop: KubernetesTarget) -> None:
    (db,) = shop.nodes("db", "primary")
    instance = shop.incarnation(db.name)
    assert instance
    shop.kill(db.name, instance, for_good=True)
    assert shop.incarnation(db.name) is None
    assert shop.down() == (db.name,)
    shop.start(db.name)
    assert shop.incarnation(db.name) not in (None, instance)
    assert shop.down() == ()


def test_a_cut_holds_as_canaries_see(shop: KubernetesTarget) -> None:
    (db,) = shop.nodes("db")
    webs = tuple(node.name for node in shop.nodes("web"))
    rule = Rule(id="partition-9", sources=webs, destinations=(db.name,), mode="drop")
    assert shop.means(rule) == "a NetworkPolicy"
    shop.cut(rule)
    try:
        assert shop.cuts() == {"partition-9"}
        assert shop.holds(rule)
        canaries = Selection(namespace=NAMESPACE, select=f"{canary.CANARY}=true")
        assert not workloads.of(shop.cluster, {"canary": canaries})["canary"]
    finally:
        shop.uncut(rule.id)
    assert shop.cuts() == frozenset()


def test_a_network_that_enforces_nothing_is_found_out(shop: KubernetesTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "_seen", {})
    monkeypatch.setattr(policies, "written", lambda rule, *_: _void(rule))
    monkeypatch.setattr(canary, "_ASKS", canary._ASKS.replace(f"+ {canary.ENFORCED_WITHIN_S}", "+ 3"))
    assert canary.enforced_after(shop.cluster, NAMESPACE) is None


def _void(rule: Rule) -> dict[str, Any]:
    """Write a policy that says nothing, as one does that nobody enforces."""
    labels = {policies.MANAGED: policies.OURS, policies.CUT: rule.id}
    spec = {"podSelector": {"matchLabels": {"nobody": "has"}}, "policyTypes": ["Ingress"]}
    return {"metadata": {"name": policies.name(rule.id), "labels": labels}, "spec": spec}


def test_without_the_right_to_cut_a_partition_is_skipped_with_its_reason(
    shop: KubernetesTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks_one = (rights.Right(group="networking.k8s.io", resource="networkpolicies", verbs=("update",)),)
    monkeypatch.setitem(rights.NEEDED, rights.PARTITION, lacks_one)
    rule = Rule(
        id="partition-8", sources=(shop.nodes("web")[0].name,), destinations=(shop.nodes("db")[0].name,), mode="drop"
    )
    with pytest.raises(Unable, match=r"clerk does not permit it: update networkpolicies in shop; .*targets rbac"):
        shop.means(rule)


def test_labels_alone_put_a_cut_back_with_no_more_rights_than_that_needs(
    cluster: Cluster, shop: KubernetesTarget, tmp_path: Path
) -> None:
    destinations = tuple(node.name for node in shop.nodes("db"))
    shop.cut(Rule(id="partition-7", sources=("*",), destinations=destinations, mode="drop"))
    with accounts.made(cluster, NAMESPACE, "sweeper", [rights.SWEEP], tmp_path / "kubeconfig"):
        alone = Cluster(context="sweeper", kubeconfig=tmp_path / "kubeconfig")
        assert f"1 policies in {NAMESPACE}" in sweep.sweep(alone)
        assert sweep.left(alone) == []
        with pytest.raises(TargetError, match=r"forbidden.*not permitted"), alone.asked("secrets"):
            alone.core.list_namespaced_secret(NAMESPACE)
    assert shop.cuts() == frozenset()


def test_a_host_is_drained_by_who_may_and_by_nobody_else(
    cluster: Cluster, shop: KubernetesTarget, tmp_path: Path
) -> None:
    own = f"{cluster.context.removeprefix('kind-')}-control-plane"
    host = next(host for node, host in shop.hosts().items() if node.startswith("web") and host != own)
    with pytest.raises(Unable, match=r"clerk does not permit it: get nodes, patch nodes, create pods/eviction in shop"):
        shop.drainable([host])
    with accounts.made(cluster, NAMESPACE, "porter", [*rights.USUAL, rights.DRAIN], tmp_path / "kubeconfig"):
        porter = Cluster(context="porter", kubeconfig=tmp_path / "kubeconfig")
        theirs = KubernetesTarget(porter, "kubernetes:porter", WHERE)
        fault, there = faults.load("drain"), theirs.hosts()
        plan = {"victims": [], "hosts": {host: [node for node in there if there[node] == host]}}
        theirs.drainable([host])
        try:
            fault.inject(theirs, plan)
            assert host not in [at for node, at in theirs.hosts().items() if node in there]
            assert fault.active(theirs, plan)
        finally:
            fault.heal(theirs, plan)
        assert not fault.active(theirs, plan)
    until(lambda: serves(cluster), LONG_S, "the shop to be open again", 0.5)


def test_the_reaper_as_it_is_written_for_other_clusters_reaps_there(cluster: Cluster, shop: KubernetesTarget) -> None:
    """As README has it: piped to kubectl."""
    built = os.environ[where.OBSERVER_IMAGE]
    argv = [sys.executable, "-m", "targets", "reaper", "--image", built, "--namespace", "reapers"]
    written = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    _kubectl(cluster, "apply -f -", written)
    try:
        _kubectl(cluster, f"rollout status deployment/{reaper.NAME} --timeout={LONG_S:.0f}s")
        shop.expire(datetime.now(UTC) + timedelta(seconds=1))
        shop.cut(Rule(id="partition-6", sources=("*",), destinations=(shop.nodes("db")[0].name,), mode="drop"))
        until(lambda: not shop.cuts() and not sweep.left(cluster), reaper.EVERY_S + LONG_S, "the reaper", 0.5)
    finally:
        _kubectl(cluster, "delete --wait=false -f -", written)


def _kubectl(cluster: Cluster, words: str, text: str = "") -> None:
    argv = shlex.split(cluster.kubectl("reapers", words))
    subprocess.run(argv, input=text, capture_output=True, text=True, check=True)


def test_one_drill_at_a_time_across_machines(shop: KubernetesTarget) -> None:
    shop.lease("a@one", "first", 60)
    try:
        shop.lease("a@one", "first", 1)  # for longer it has it already
        shop.give_back("b@two")  # which is not his
        with pytest.raises(Taken, match=r"a@one drills in shop \(first\), until .* UTC at most") as taken:
            shop.lease("b@two", "second", 60)
        assert taken.value.holder == "a@one"
    finally:
        shop.give_back("a@one")
    shop.lease("b@two", "second", 1)
    until(lambda: _leased(shop, "c@three"), LONG_S, "it lapses", 0.2)
    shop.give_back("c@three")


def _leased(shop: KubernetesTarget, holder: str) -> bool:
    shop.lease(holder, "third", 60)
    return True


def test_who_may_only_look_hurts_nobody_and_is_told_why(
    cluster: Cluster, clerk: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    del clerk  # the system's file is there
    before = {pod.uid for found in workloads.of(cluster, WHERE).values() for pod in found}
    with accounts.made(cluster, NAMESPACE, "guest", [rights.LOOK], tmp_path / "kubeconfig"):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        ran = _drilled("guest", tmp_path / "a", "--arm", "guest")
    assert ran.returncode != 0
    assert "kubernetes:guest does not permit it: delete pods in shop, patch pods in shop" in ran.stdout
    assert "`python -m targets rbac --system FILE` writes what has to be permitted" in ran.stdout
    assert {pod.uid for found in workloads.of(cluster, WHERE).values() for pod in found} == before


def test_drills_on_it_have_to_be_armed_and_are_met(clerk: str, tmp_path: Path) -> None:
    unarmed = _drilled(clerk, tmp_path / "a")
    assert unarmed.returncode != 0
    assert f"kubernetes:{clerk} is not disposable and not armed; say --arm {clerk}" in unarmed.stdout
    ran = _drilled(clerk, tmp_path / "b", "--arm", clerk)
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout  # each asserts that it was met


def _drilled(context: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "pytest", str(SHOP / "drill_shop.py"), "--target", f"kubernetes:{context}"]
    argv += ["--system", os.environ[where.SYSTEM], "--run-folder", str(folder), *more]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
