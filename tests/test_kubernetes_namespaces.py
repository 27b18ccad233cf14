"""A shop's namespace on a real cluster: deleted with all that is in it, made again, restored by Velero."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import faults
from targets import where
from targets.places import ROOT
from targets.pods import clusters, commands, kept, manifests, retained, rights, sweep, velero
from targets.pods.cluster import Cluster
from targets.pods.estates import standing
from targets.pods.policies import MANAGED, OURS
from targets.pods.target import KubernetesTarget
from targets.target import Unable
from targets.waiting import until
from tests import accounts
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, SHOP, WHERE, serves, system

KEPT = "create table if not exists kept (n int); insert into kept values (42)"
FAULT = faults.load("erase")

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[KubernetesTarget]:
    until(lambda: serves(cluster), LONG_S, "the shop to be open", 0.5)
    yield KubernetesTarget(cluster, f"kubernetes:{cluster.context}", WHERE)
    assert not sweep.left(cluster)
    assert not cluster.core.list_persistent_volume(label_selector=retained.RETAINED).items


def _asked(shop: KubernetesTarget, statement: str) -> str:
    (db,) = shop.nodes("db")
    pod = shop.find(db.name)
    assert pod
    argv = ["psql", "-qtAX", "-h", "/tmp", "-U", "clerk", "stock", "-c", statement]
    code, out, err = commands.inside(shop.cluster, pod, argv, timeout=10)
    assert code == 0, err
    return out.strip()


def test_all_that_was_there_is_there_again(shop: KubernetesTarget) -> None:
    _asked(shop, KEPT)
    before = manifests.of(shop.cluster, NAMESPACE)
    assert {"Namespace", "ConfigMap", "Deployment", "StatefulSet", "Service", "PersistentVolumeClaim"} <= {
        each["kind"] for each in before
    }
    plan = FAULT.plan(shop, component="web")
    assert len(plan["victims"]) == 3  # the database, too
    assert not FAULT.active(shop, plan)
    FAULT.inject(shop, plan)
    assert standing(shop.cluster, NAMESPACE) is None
    assert FAULT.active(shop, plan)
    assert FAULT.residue(shop) == [f"namespace {NAMESPACE} was deleted"]
    FAULT.heal(shop, plan)
    assert FAULT.active(shop, plan) is None
    FAULT.heal(shop, plan)
    assert FAULT.residue(shop) == []
    assert manifests.of(shop.cluster, NAMESPACE) == before
    assert serves(shop.cluster)
    assert _asked(shop, "select n from kept") == "42"
    (volume,) = [
        each
        for each in shop.cluster.core.list_persistent_volume().items
        if each.spec.claim_ref and each.spec.claim_ref.namespace == NAMESPACE
    ]
    assert volume.spec.persistent_volume_reclaim_policy == "Delete"
    assert not (volume.metadata.labels or {}).get(retained.RETAINED)


def test_whoever_comes_later_makes_it_again_by_labels_alone(shop: KubernetesTarget) -> None:
    _asked(shop, KEPT)
    shop.erase(NAMESPACE)
    assert sweep.sweep(shop.cluster) == (f"namespace {NAMESPACE}: deleted",)
    until(lambda: serves(shop.cluster), LONG_S, "the shop to be open", 0.5)
    assert _asked(shop, "select n from kept").splitlines()[0] == "42"


def test_the_commands_that_are_printed_make_it_again(shop: KubernetesTarget) -> None:
    _asked(shop, KEPT)
    plan = FAULT.plan(shop, component="db")
    FAULT.inject(shop, plan)
    lines = FAULT.by_hand(shop, plan)
    assert all("kubectl" in line for line in lines)
    for line in lines:
        ran = subprocess.run(["/bin/bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    until(lambda: serves(shop.cluster), LONG_S, "the shop to be open", 0.5)
    assert _asked(shop, "select n from kept").splitlines()[0] == "42"
    FAULT.heal(shop, plan)  # what is left to do is to keep it no more


def test_when_its_inject_died_before_the_deletion_nothing_changes(shop: KubernetesTarget) -> None:
    plan, before = FAULT.plan(shop, component="web"), standing(shop.cluster, NAMESPACE)
    kept.put(shop.cluster, NAMESPACE, manifests.of(shop.cluster, NAMESPACE), None)
    retained.keep(shop.cluster, NAMESPACE)
    FAULT.heal(shop, plan)
    assert standing(shop.cluster, NAMESPACE) == before
    assert FAULT.active(shop, plan) is False


def test_a_service_whose_address_somebody_has_taken_gets_another(shop: KubernetesTarget) -> None:
    address = shop.cluster.core.read_namespaced_service("web", NAMESPACE).spec.cluster_ip
    shop.erase(NAMESPACE)
    taken = {"clusterIP": address, "ports": [{"port": 1, "nodePort": 30780}], "type": "NodePort"}
    shop.cluster.core.create_namespaced_service("default", {"metadata": {"name": "taker"}, "spec": taken})
    try:
        shop.rebuild(NAMESPACE)
        assert shop.cluster.core.read_namespaced_service("web", NAMESPACE).spec.cluster_ip != address
        shop.cluster.core.delete_namespaced_service("web", NAMESPACE)
    finally:
        shop.cluster.core.delete_namespaced_service("taker", "default")
    again = {"selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30780}], "type": "NodePort"}
    shop.cluster.core.create_namespaced_service(NAMESPACE, {"metadata": {"name": "web"}, "spec": again})


def test_when_its_inject_died_while_it_was_being_kept_nothing_is_lost(shop: KubernetesTarget) -> None:
    """The place is there and nothing in it: neither may that be taken for what is kept."""
    plan, before = FAULT.plan(shop, component="web"), standing(shop.cluster, NAMESPACE)
    labels = {MANAGED: OURS, kept.KEEPS: NAMESPACE}
    shop.cluster.core.create_namespace({"metadata": {"name": kept.place(NAMESPACE), "labels": labels}})
    FAULT.heal(shop, plan)
    assert standing(shop.cluster, NAMESPACE) == before
    assert FAULT.residue(shop) == []
    shop.cluster.core.create_namespace({"metadata": {"name": kept.place(NAMESPACE), "labels": labels}})
    FAULT.inject(shop, plan)
    FAULT.heal(shop, plan)
    assert serves(shop.cluster)


def test_others_pods_do_not_go_with_it(shop: KubernetesTarget) -> None:
    only_web = KubernetesTarget(shop.cluster, "kubernetes:x", {"web": WHERE["web"]})
    with pytest.raises(Unable, match=r"namespace shop has pods that are of no component of the system \(db-0\)"):
        FAULT.plan(only_web, component="web")


@pytest.fixture
def office(cluster: Cluster) -> Iterator[str]:
    """Give a namespace for accounts, which stays when the shop's goes."""
    cluster.core.create_namespace({"metadata": {"name": "office"}})
    yield "office"
    cluster.core.delete_namespace("office")


def test_who_may_not_is_told_and_who_may_makes_all_of_it_again(
    shop: KubernetesTarget, office: str, tmp_path: Path
) -> None:
    with accounts.made(shop.cluster, office, "clerk", rights.USUAL, tmp_path / "a"):
        theirs = KubernetesTarget(Cluster(context="clerk", kubeconfig=tmp_path / "a"), "kubernetes:clerk", WHERE)
        with pytest.raises(Unable, match="clerk does not permit it: create namespaces, delete namespaces"):
            FAULT.plan(theirs, component="web")
    with accounts.made(shop.cluster, office, "builder", [rights.LOOK, rights.ERASE], tmp_path / "b"):
        theirs = KubernetesTarget(Cluster(context="builder", kubeconfig=tmp_path / "b"), "kubernetes:builder", WHERE)
        plan = FAULT.plan(theirs, component="web")
        FAULT.inject(theirs, plan)
        FAULT.heal(theirs, plan)
    assert serves(shop.cluster)


def test_a_drill_deletes_it_and_loses_nothing(shop: KubernetesTarget, tmp_path: Path) -> None:
    ran = _drilled(shop.cluster, tmp_path, "test_namespace_deleted")
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


def test_velero_restores_it_and_what_it_does_not_is_told(shop: KubernetesTarget, tmp_path: Path) -> None:
    try:
        velero.home(shop.cluster)
    except Unable as reason:
        pytest.skip(str(reason))
    ran = _drilled(shop.cluster, tmp_path, "test_namespace_restored")
    _removed(shop.cluster)
    assert ran.returncode == 0, ran.stdout
    assert "1 passed" in ran.stdout


def _removed(cluster: Cluster) -> None:
    """Have Velero remove our backups now: it would do so by itself in an hour."""
    path = f"/apis/{velero.VERSION}/namespaces/{velero.home(cluster)}"
    ours = f"{path}/backups?labelSelector={MANAGED}%3D{OURS}"
    for each in cluster.plain("get", ours)["items"]:
        name = each["metadata"]["name"]
        asks = {"apiVersion": velero.VERSION, "kind": "DeleteBackupRequest", "spec": {"backupName": name}}
        cluster.plain("post", f"{path}/deletebackuprequests", asks | {"metadata": {"name": name}})
    until(lambda: not cluster.plain("get", ours)["items"], LONG_S, "the backups to go", 0.5)


def _drilled(cluster: Cluster, folder: Path, test: str) -> "subprocess.CompletedProcess[str]":
    described = folder / "shop.toml"
    wider = system(cluster).replace('rto = "30 s"', 'rto = "2 min"').replace('rpo = "0 s"', 'rpo = "1 h"')
    described.write_text(wider)
    argv = [sys.executable, "-m", "pytest", f"{SHOP / 'drill_namespace.py'}::{test}", "--arm", cluster.context]
    argv += ["--target", f"kubernetes:{cluster.context}", "--system", str(described), "--run-folder", str(folder / "r")]
    name = cluster.context.removeprefix("kind-")
    known = os.environ | {"KUBECONFIG": str(clusters.kubeconfig(name)), where.SYSTEM: str(described)}
    return subprocess.run(argv, cwd=ROOT, env=known, capture_output=True, text=True, check=False)
