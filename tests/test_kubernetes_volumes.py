"""A volume of a shop on a real cluster: lost with all that is on it, and claimed anew."""

import shlex
import subprocess
from collections.abc import Iterator

import pytest

from experiments import faults
from targets.pods import commands, rights, sweep
from targets.pods.cluster import Cluster
from targets.pods.target import KubernetesTarget
from targets.target import BadInput, Unable
from targets.waiting import until
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, WHERE, serves

FAULT = faults.load("lose")
KEPT = "create table if not exists kept (n int); insert into kept values (42)"

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[KubernetesTarget]:
    yield KubernetesTarget(cluster, f"kubernetes:{cluster.context}", WHERE)
    until(lambda: serves(cluster), LONG_S, "the shop to be open again", 0.5)
    assert not sweep.left(cluster)


def asked(shop: KubernetesTarget, statement: str) -> str:
    (pod,) = shop.pods("db")
    argv = ["psql", "-qtAX", "-h", "/tmp", "-U", "clerk", "stock", "-c", statement]
    code, out, err = commands.inside(shop.cluster, pod, argv, timeout=LONG_S)
    assert code == 0, err
    return out.strip()


def claim(shop: KubernetesTarget) -> str:
    found = shop.cluster.core.read_namespaced_persistent_volume_claim("data-db-0", NAMESPACE)
    return str(found.metadata.uid)


@pytest.mark.parametrize("by_hand", [False, True])
def test_what_comes_back_has_another_volume_and_nothing_on_it(shop: KubernetesTarget, *, by_hand: bool) -> None:
    asked(shop, KEPT)
    before, volumes = claim(shop), len(shop.cluster.core.list_persistent_volume().items)
    plan = FAULT.plan(shop, component="db", role="primary")
    FAULT.inject(shop, plan)
    assert FAULT.active(shop, plan)
    assert FAULT.residue(shop) == ["db-0 lost its data"]
    assert shop.down() == ("db-0",)
    for line in FAULT.by_hand(shop, plan) if by_hand else ():
        subprocess.run(shlex.split(line), check=True, capture_output=True)
    FAULT.heal(shop, plan)
    assert FAULT.active(shop, plan) is None
    assert FAULT.residue(shop) == []
    assert claim(shop) != before
    assert asked(shop, "select to_regclass('kept') is null") == "t"
    until(lambda: len(shop.cluster.core.list_persistent_volume().items) == volumes, LONG_S, "the old one to go", 0.5)


def test_nobody_loses_what_was_not_named_or_is_not_his(shop: KubernetesTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"db-0 leads db"):
        FAULT.plan(shop, component="db")
    with pytest.raises(Unable, match=r"is no StatefulSet's: it has no volume"):
        FAULT.plan(shop, component="web")
    lacks_one = (rights.Right(resource="persistentvolumeclaims", verbs=("watch",)),)
    monkeypatch.setitem(rights.NEEDED, rights.LOSE, lacks_one)
    monkeypatch.setattr(rights, "_permitted", lambda *_: False)
    with pytest.raises(Unable, match=r"watch persistentvolumeclaims in shop; .*targets rbac"):
        FAULT.plan(shop, component="db", role="primary")
