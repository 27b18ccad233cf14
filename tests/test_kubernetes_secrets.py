"""A Secret of a shop on a real cluster: rotated behind its users' backs, and given its old values."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from experiments import faults
from targets.pods import commands, rights, rotations, sweep
from targets.pods.cluster import Cluster
from targets.pods.target import KubernetesTarget
from targets.target import BadInput, Unable
from targets.waiting import until
from tests import accounts
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, WHERE, serves

FAULT = faults.load("rotate")
WORDS = {"component": "web", "secret": "database"}

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[KubernetesTarget]:
    before = values(cluster)
    yield KubernetesTarget(cluster, f"kubernetes:{cluster.context}", WHERE)
    assert values(cluster) == before
    assert not sweep.left(cluster)


def values(cluster: Cluster) -> Mapping[str, str]:
    answer = cluster.core.read_namespaced_secret("database", NAMESPACE, _preload_content=False)
    found: Mapping[str, str] = json.loads(answer.data)["data"]
    return found


def told(shop: KubernetesTarget) -> set[str]:
    """List what the web's pods were given when they started."""
    asks = ["printenv", "DATABASE"]
    running = [pod for pod in shop.pods("web") if pod.incarnation]
    return {commands.inside(shop.cluster, pod, asks, timeout=LONG_S)[1].strip() for pod in running}


def running(shop: KubernetesTarget) -> set[str]:
    return {pod.name for pod in shop.pods("web") if pod.incarnation}


def test_who_starts_anew_is_given_another_one(shop: KubernetesTarget) -> None:
    before, known = values(shop.cluster), told(shop)
    plan = FAULT.plan(shop, **WORDS)
    assert len(plan["victims"]) == 2
    FAULT.inject(shop, plan)
    rotated = values(shop.cluster)
    assert rotated["url"] != before["url"]
    FAULT.inject(shop, plan)  # again is the same as once
    assert values(shop.cluster) == rotated
    assert FAULT.active(shop, plan)
    assert FAULT.residue(shop) == [f"Secret {NAMESPACE}/database has other values"]
    assert told(shop) == known, "who runs goes on"
    victim = plan["victims"][0]
    shop.kill(victim, str(shop.incarnation(victim)))
    until(lambda: len(running(shop) - set(plan["victims"])) == 1, LONG_S, "another one to run, and find no database")
    assert len(told(shop)) == 2
    FAULT.heal(shop, plan)
    assert values(shop.cluster) == before
    assert not FAULT.active(shop, plan)
    FAULT.heal(shop, plan)
    for name in running(shop):
        shop.kill(name, str(shop.incarnation(name)))
    until(lambda: serves(shop.cluster) and told(shop) == known, LONG_S, "all start anew")


def test_whoever_comes_later_gives_it_its_old_values(shop: KubernetesTarget) -> None:
    shop.rotate(NAMESPACE, "database", [])
    assert sweep.sweep(shop.cluster) == (f"{NAMESPACE}/database: a Secret with other values",)


def test_the_printed_commands_give_it_its_old_values(shop: KubernetesTarget) -> None:
    plan = FAULT.plan(shop, **WORDS, keys="url")
    FAULT.inject(shop, plan)
    for line in FAULT.by_hand(shop, plan):
        ran = subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr


def test_an_inject_that_died_half_way_is_finished_by_the_next_and_undone(shop: KubernetesTarget) -> None:
    before = values(shop.cluster)
    metadata = {
        "name": "drillyard-kept-database",
        "labels": {rotations.ROTATED: "true"},
        "annotations": {rotations.OF: "database"},
    }
    shop.cluster.core.create_namespaced_secret(NAMESPACE, {"metadata": metadata, "data": dict(before)})
    shop.rotate(NAMESPACE, "database", [])
    assert values(shop.cluster) != before
    shop.rotate_back(NAMESPACE, "database")


def test_what_is_not_there_or_not_permitted_is_told(shop: KubernetesTarget, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="namespace shop has no Secret 'nothing'"):
        FAULT.plan(shop, component="web", secret="nothing")
    with pytest.raises(BadInput, match="Secret database has no password; it has url"):
        FAULT.plan(shop, **WORDS, keys=["password"])
    with accounts.made(shop.cluster, NAMESPACE, "clerk", rights.USUAL, tmp_path / "a"):
        theirs = KubernetesTarget(Cluster(context="clerk", kubeconfig=tmp_path / "a"), "kubernetes:clerk", WHERE)
        with pytest.raises(Unable, match="clerk does not permit it: create secrets in shop"):
            FAULT.plan(theirs, **WORDS)
        assert theirs.rotated() == frozenset()
        assert theirs.erased() == frozenset()
