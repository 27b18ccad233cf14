"""A real kind cluster without its control plane: what runs goes on, and whoever comes later brings it back."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments import faults
from probes import answering
from rollback import arming, guard
from rollback.arming import Permit
from targets import kind
from targets.places import ROOT
from targets.pods import clusters, plane
from targets.pods.cluster import Cluster
from targets.pods.kindlab import KindTarget
from targets.target import TargetError
from targets.waiting import until
from tests.kindlab import await_orders_heeded, lacks

FAULT = faults.load("headless")

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture(scope="module", autouse=True)
def works_for_others(kind_lab: KindTarget) -> Iterator[None]:
    yield
    await_orders_heeded(kind_lab)


@pytest.fixture
def lab(kind_lab: KindTarget) -> Iterator[KindTarget]:
    yield kind_lab
    plane.bring_back(kind_lab.cluster, kind_lab.name)
    assert not kind_lab.headless()
    assert not kind_lab.down()


def answers(lab: KindTarget) -> bool:
    """Ask its API server anew, whatever connections are kept."""
    fresh = Cluster(context=lab.cluster.context, kubeconfig=clusters.kubeconfig(lab.name))
    with fresh.asked("namespaces"):
        fresh.core.list_namespace(_request_timeout=2)
    return True


def test_what_runs_goes_on_and_it_comes_back(lab: KindTarget) -> None:
    plan = FAULT.plan(lab, component="api")
    assert not FAULT.active(lab, plan)
    before = {node: lab.incarnation(node) for node in plan["victims"]}
    FAULT.inject(lab, plan)
    assert FAULT.active(lab, plan)
    assert FAULT.residue(lab) == ["the control plane is away"]
    with pytest.raises(TargetError, match="does not answer"):
        answers(lab)
    answering.ask(lab.endpoint("api"))
    FAULT.inject(lab, plan)  # again is the same as once
    again = kind.attach(lab.address)  # as a watchdog does, which knows nothing but the address
    assert FAULT.active(again, plan)
    FAULT.heal(again, plan)
    assert not FAULT.active(lab, plan)
    assert {node: lab.incarnation(node) for node in plan["victims"]} == before
    FAULT.heal(lab, plan)


def test_whoever_has_no_records_brings_it_back(lab: KindTarget, tmp_path: Path) -> None:
    lab.behead()
    words = [sys.executable, "-m", "rollback", "stop", "--target", lab.address, "--reason", "their machine is gone"]
    known = os.environ | {"DRILLYARD_STATE": str(tmp_path)}
    ran = subprocess.run(words, cwd=ROOT, env=known, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the control plane: away" in ran.stdout
    assert answers(lab)


@pytest.mark.nightly  # whoever comes without records meets the same silence
def test_a_stop_waits_for_an_api_server_that_comes_back(lab: KindTarget, tmp_path: Path) -> None:
    with guard.Session(permit=Permit(), folder=tmp_path) as session:
        guard.inject(session, lab, "partition", source="api", destination="redis")
        lab.behead()
        later = threading.Timer(10.0, lab.bring_head_back)
        later.start()
        stopped = session.stop(by="test")
        later.join()
    assert not stopped.failed
    assert not lab.cuts()


def test_the_printed_command_brings_it_back(lab: KindTarget) -> None:
    lab.behead()
    (line,) = FAULT.by_hand(lab, {})
    ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert until(lambda: answers(lab), plane.BACK_WITHIN_S, "it answers", 0.5)


def test_a_cluster_that_others_use_has_to_be_armed_for_it(lab: KindTarget) -> None:
    plan = FAULT.plan(lab, component="api") | {"beyond": ["kube-system"]}

    def refused(*armed: str) -> list[str]:
        return arming.refusals(
            arming.Permit(armed=frozenset(armed)),
            target=lab.address,
            disposable=True,
            components=["api"],
            planned=plan,
            nodes={},
            namespaces=[lab.namespace],
            severity="p1",
            now=datetime.now(UTC),
        )

    assert refused() == ["namespace kube-system is the cluster's own; say --arm kube-system if you mean it"]
    assert refused("kube-system") == []
