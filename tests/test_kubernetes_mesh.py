"""A shop's way to its database on a cluster that has Chaos Mesh: slow where the kernel can, else told in its words."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from experiments import faults
from rollback import guard, journal
from rollback.arming import Permit
from targets import target as targets
from targets.clustered import PERMIT_THAT
from targets.pods import commands, mesh, rights, sweep
from targets.pods.cluster import Cluster
from targets.pods.target import KubernetesTarget
from targets.rules import Rule
from targets.target import TargetError, Unable
from targets.waiting import until
from tests import accounts
from tests.kindlab import lacks
from tests.shopcluster import LONG_S, NAMESPACE, WHERE

FAULT = faults.load("delay")
SLOW_S = 0.3
CONNECTS = "import socket, sys; socket.create_connection((sys.argv[1], 5432), timeout=10)"
KERNEL = ["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def shop(cluster: Cluster) -> Iterator[KubernetesTarget]:
    if not mesh.installed(cluster):
        pytest.skip(f"context {cluster.context}: Chaos Mesh is not installed on it")
    yield KubernetesTarget(cluster, f"kubernetes:{cluster.context}", WHERE)
    assert not list(mesh.everywhere(cluster))
    assert not sweep.left(cluster)


def netem() -> bool:
    """Tell whether this machine's kernel, which its kind clusters share, can delay packets at all."""
    return subprocess.run(KERNEL, capture_output=True, check=False).returncode == 0


def connected_within_s(shop: KubernetesTarget) -> float:
    """Connect from the front to the database's Service, as its callers do."""
    (web, *_), service = shop.pods("web"), shop.cluster.core.read_namespaced_service("db", NAMESPACE).spec.cluster_ip
    began = time.monotonic()
    code, _, err = commands.inside(shop.cluster, web, ["python3", "-c", CONNECTS, service], timeout=LONG_S)
    assert code == 0, err
    return time.monotonic() - began


def test_the_way_is_slow_while_it_says_so(shop: KubernetesTarget) -> None:
    if not netem():
        pytest.skip("no netem in this machine's kernel, by which Chaos Mesh delays packets")
    before = connected_within_s(shop)
    plan = FAULT.plan(shop, source="web", destination="db", seconds=SLOW_S)
    FAULT.inject(shop, plan)
    FAULT.inject(shop, plan)  # again is the same as once
    assert FAULT.active(shop, plan)
    assert connected_within_s(shop) > before + SLOW_S
    FAULT.heal(shop, plan)
    FAULT.heal(shop, plan)
    assert not FAULT.active(shop, plan)
    until(lambda: connected_within_s(shop) < before + SLOW_S, LONG_S, "it to be as fast as before")


def test_what_never_took_hold_hurts_nobody_is_told_and_is_undone(
    shop: KubernetesTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if netem():
        pytest.skip("this machine's kernel delays packets")
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path))
    monkeypatch.setattr(targets, "attach", lambda _address: shop)
    monkeypatch.setattr("rollback.stop.attach", lambda _address: shop)
    monkeypatch.setattr("rollback.byhand.attach", lambda _address: shop)
    permit = Permit(armed=frozenset({shop.cluster.context}))
    with guard.Session(permit=permit, folder=tmp_path / "run") as session:
        with pytest.raises(TargetError, match=r"Chaos Mesh to slow .*unable to set tcs for pod"):
            guard.inject(session, shop, "delay", source="web", destination="db", seconds=SLOW_S)
        assert journal.open_records()[0], "it may have taken hold at a pod: whoever stops looks after it"
        assert not session.stop(by="test").failed
    assert connected_within_s(shop) < 10


def test_labels_alone_take_it_away(shop: KubernetesTarget) -> None:
    shop.expire(datetime.now(UTC) + timedelta(seconds=LONG_S))
    asked(shop, "delay-2")
    assert not [what for what, _ in sweep.left(shop.cluster, datetime.now(UTC)) if "a delay" in what]
    assert any("a delay" in what for what in sweep.sweep(shop.cluster))
    shop.expire(datetime.now(UTC))


def test_the_printed_commands_take_it_away(shop: KubernetesTarget) -> None:
    asked(shop, "delay-3")
    plan = {"rule": {"id": "delay-3"}}
    # one that deletes, and one for each pod that has its orders by now
    until(lambda: len(FAULT.by_hand(shop, plan)) == 3, LONG_S, "both pods to be told")
    for line in FAULT.by_hand(shop, plan):
        ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    until(lambda: not shop.cuts(), LONG_S, "it to be gone")


def test_what_is_not_permitted_is_named_before(shop: KubernetesTarget, tmp_path: Path) -> None:
    words = {"source": "web", "destination": "db", "seconds": SLOW_S}
    with accounts.made(shop.cluster, NAMESPACE, "clerk", rights.USUAL, tmp_path / "a"):
        theirs = KubernetesTarget(Cluster(context="clerk", kubeconfig=tmp_path / "a"), "kubernetes:clerk", WHERE)
        with pytest.raises(Unable, match=r"create networkchaos in shop") as refused:
            FAULT.plan(theirs, **words)
        assert PERMIT_THAT.format("mesh") in str(refused.value)
    with accounts.made(shop.cluster, NAMESPACE, "mesher", (*rights.USUAL, rights.MESH), tmp_path / "b"):
        theirs = KubernetesTarget(Cluster(context="mesher", kubeconfig=tmp_path / "b"), "kubernetes:mesher", WHERE)
        assert FAULT.plan(theirs, **words)["victims"]
        asked(theirs, "delay-4")
        theirs.uncut("delay-4")
        theirs.uncut("delay-4")


def asked(shop: KubernetesTarget, rule_id: str) -> None:
    """Ask for a delay, and do not wait for it: whether it takes hold is not at issue."""
    (web, *_), (db, *_) = shop.pods("web"), shop.pods("db")
    rule = Rule(id=rule_id, sources=(web.name,), destinations=(db.name,), mode="delay", seconds=SLOW_S)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mesh, "INJECTED_WITHIN_S", 0.0)
        with suppress(TargetError):
            shop.cut(rule)
    assert shop.cuts() == {rule_id}
