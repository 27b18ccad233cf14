"""A shop that is not ours on a real cluster, under exactly the rights that `targets rbac` writes, and no others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, utils

from targets import where
from targets.boxes import image, marked
from targets.places import ROOT
from targets.pods import canary, clusters, policies, rights, sweep, workloads
from targets.pods import lab as lab_there
from targets.pods.cluster import Cluster, connected
from targets.pods.target import REPLACED, KubernetesTarget
from targets.pods.workloads import Selection
from targets.rules import Rule
from targets.target import Unable, VictimGone, attach
from targets.waiting import until
from tests.test_kind import lacks

SHOP = Path(__file__).parent / "shop"
LONG_S = 120.0
NAMESPACE = "shop"
WHERE = {
    "web": Selection(namespace=NAMESPACE, select="app=web"),
    "db": Selection(namespace=NAMESPACE, select="app=db", role_label="role"),
}

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Give a cluster with the shop on it; one is made when none is named."""
    own = os.environ.get(where.KIND_CLUSTER)
    name = own or marked.new()
    if not own:
        clusters.create(name)
    built = image.find(None, print)
    clusters.load(name, built)
    there = clusters.find(name)
    try:
        _open_shop(there, built)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(where.OBSERVER_IMAGE, built)
            yield there
        assert not sweep.left(there)
    finally:
        if own:
            lab_there.remove(there, NAMESPACE, LONG_S)
        else:
            clusters.delete(name)


def _open_shop(there: Cluster, built: str) -> None:
    there.core.create_namespace({"metadata": {"name": NAMESPACE}})
    files = {name: (SHOP / name).read_text() for name in ("db.sh", "web.py")}
    there.core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "shop"}, "data": files})
    text = (SHOP / "shop.k8s.yaml").read_text().replace("SHOP_IMAGE", built)
    with closing(there.client()) as own:
        for document in yaml.safe_load_all(text):
            utils.create_from_dict(own, document, namespace=NAMESPACE)
    until(lambda: _serves(there), LONG_S, "the shop to open", 0.5)


def _serves(there: Cluster) -> bool:
    pods = [pod for found in workloads.of(there, WHERE).values() for pod in found]
    return len(pods) == 3 and all(pod.ready for pod in pods)


@pytest.fixture(scope="module")
def clerk(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the name of a context that may do what `targets rbac` writes, and nothing else."""
    file = tmp_path_factory.mktemp("clerk") / "kubeconfig"
    roles = rights.roles([NAMESPACE], rights.USUAL)
    account = {"kind": "ServiceAccount", "name": "clerk", "namespace": NAMESPACE}
    cluster.core.create_namespaced_service_account(NAMESPACE, {"metadata": {"name": "clerk"}})
    with closing(cluster.client()) as own:
        for role in roles:
            kind = role["kind"]
            binding = {
                "apiVersion": role["apiVersion"],
                "kind": f"{kind}Binding",
                "metadata": {"name": "clerk", **({"namespace": NAMESPACE} if kind == "Role" else {})},
                "roleRef": {"apiGroup": rights.GROUP, "kind": kind, "name": role["metadata"]["name"]},
                "subjects": [account],
            }
            utils.create_from_dict(own, role)
            utils.create_from_dict(own, binding)
    token = cluster.core.create_namespaced_service_account_token("clerk", NAMESPACE, {"spec": {}}).status.token
    theirs = yaml.safe_load(Path(str(cluster.kubeconfig)).read_text())
    theirs["users"] = [{"name": "clerk", "user": {"token": token}}]
    theirs["contexts"] = [{"name": "shop", "context": {"cluster": theirs["clusters"][0]["name"], "user": "clerk"}}]
    file.write_text(yaml.safe_dump(theirs | {"current-context": ""}))
    system = file.with_suffix(".toml")
    system.write_text(_system(cluster))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(file))
        patch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
        patch.setenv(where.SYSTEM, str(system))
        yield "shop"
    connected.cache_clear()
    with closing(cluster.client()) as own:
        everywhere = client.RbacAuthorizationV1Api(own)
        everywhere.delete_cluster_role("drillyard")
        everywhere.delete_cluster_role_binding("clerk")


def _system(cluster: Cluster) -> str:
    """Write the shop's TOML as somebody would who has it on a cluster."""
    name = cluster.context.removeprefix("kind-")
    host = clusters.address(name)
    text = (SHOP / "shop.toml").read_text().replace('compose = "docker-compose.yml"\n', "")
    for component, url, more in (
        ("web", f"http://{host}:30780", ""),
        ("db", f"postgresql://clerk:abacus@{host}:30790/stock", 'role_label = "role"\n'),
    ):
        known = f'select = "app={component}"\nnamespace = "{NAMESPACE}"\nurl = "{url}"\n{more}'
        text = text.replace(f"[components.{component}]\n", f"[components.{component}]\n{known}")
    return text


@pytest.fixture
def shop(clerk: str) -> KubernetesTarget:
    opened = attach(f"kubernetes:{clerk}")
    assert isinstance(opened, KubernetesTarget)
    return opened


def test_what_is_not_permitted_is_named(cluster: Cluster, shop: KubernetesTarget) -> None:
    assert shop.forbidden(["web"]) == ()
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
    monkeypatch.setattr(policies, "written", lambda rule, _: _void(rule))
    monkeypatch.setattr(canary, "_ASKS", canary._ASKS.replace(f"+ {canary.ENFORCED_WITHIN_S}", "+ 3"))
    assert not canary.holds(shop.cluster, NAMESPACE)


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
    with pytest.raises(Unable, match=r"shop does not permit it: update networkpolicies in shop; .*targets rbac"):
        shop.means(rule)


def test_drills_on_it_have_to_be_armed_and_are_met(clerk: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", str(SHOP / "drill_shop.py"), "--target", f"kubernetes:{clerk}"]
    argv += ["--system", os.environ[where.SYSTEM], "--run-folder"]
    unarmed = subprocess.run([*argv, str(tmp_path / "a")], cwd=ROOT, capture_output=True, text=True, check=False)
    assert unarmed.returncode != 0
    assert f"kubernetes:{clerk} is not disposable and not armed; say --arm {clerk}" in unarmed.stdout
    argv += [str(tmp_path / "b"), "--arm", clerk]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout  # each asserts that it was met
