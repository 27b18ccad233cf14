"""What pods of a real kind cluster may lack: names to look up, and a quota under which others of them could start."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from experiments import faults
from targets.pods import sweep
from targets.pods.kindlab import KindTarget
from targets.waiting import until
from tests.kindlab import lacks

LONG_S = 60.0
LOOKS_UP = "import socket; socket.getaddrinfo('kubernetes.default.svc.cluster.local', 443)"
REFUSED = "exceeded quota"

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> Iterator[KindTarget]:
    yield kind_lab
    assert not kind_lab.nameless()
    assert not kind_lab.used_up()
    assert not sweep.left(kind_lab.cluster)
    until(lambda: sum(pod.ready for pod in kind_lab.pods("api")) == 2, LONG_S, "two pods of the API")


def resolves(lab: KindTarget, node: str) -> bool:
    return lab.inside(node, ["timeout", "5", "python3", "-c", LOOKS_UP], timeout=LONG_S)[0] == 0


def reaches(lab: KindTarget, node: str, inside: str) -> bool:
    host, _, port = inside.rpartition(":")
    asks = f"import socket; socket.create_connection(('{host}', {port}), timeout=3)"
    return lab.inside(node, ["python3", "-c", asks], timeout=LONG_S)[0] == 0


def refusals(lab: KindTarget) -> list[str]:
    events = lab.cluster.core.list_namespaced_event(lab.namespace, field_selector="reason=FailedCreate").items
    return [each.message for each in events if REFUSED in each.message]


def test_one_pod_finds_nobody_by_name_and_the_other_everybody(lab: KindTarget) -> None:
    fault = faults.load("dns")
    plan = fault.plan(lab, component="api", count=1)
    (victim,) = plan["victims"]
    (other,) = (node.name for node in lab.nodes("api") if node.name != victim)
    primary = lab.nodes("postgres", "primary")[0].inside
    assert resolves(lab, victim)
    fault.inject(lab, plan)
    fault.inject(lab, plan)  # again is the same as once
    until(lambda: not resolves(lab, victim), LONG_S, "its names to be gone")
    assert fault.active(lab, plan)
    assert fault.residue(lab)
    assert resolves(lab, other)
    assert reaches(lab, victim, primary), "by address it reaches whom it did"
    fault.heal(lab, plan)
    fault.heal(lab, plan)
    assert not fault.active(lab, plan)
    until(lambda: resolves(lab, victim), LONG_S, "its names to be back")


def test_labels_alone_give_the_names_back(lab: KindTarget) -> None:
    fault = faults.load("dns")
    plan = fault.plan(lab, component="api")
    fault.inject(lab, plan)
    assert sweep.sweep(lab.cluster)
    assert not fault.residue(lab)
    assert not any(key.startswith("drillyard/") for pod in lab.pods("api") for key in pod.labels)


def test_nobody_is_replaced_until_the_quota_is_given_back(lab: KindTarget) -> None:
    fault = faults.load("quota")
    plan = fault.plan(lab, component="api")
    fault.inject(lab, plan)
    fault.inject(lab, plan)
    assert fault.active(lab, plan)
    assert fault.residue(lab)
    before = len(refusals(lab))
    victim = plan["victims"][0]
    lab.kill(victim, str(lab.incarnation(victim)))
    until(lambda: len(refusals(lab)) > before, LONG_S, "its replacement to be refused")
    assert sum(pod.ready for pod in lab.pods("api")) == 1
    fault.heal(lab, plan)
    fault.heal(lab, plan)
    assert not fault.active(lab, plan)
    lab.start(victim)


@pytest.mark.parametrize("kind", ["dns", "quota"])
def test_what_is_said_to_do_by_hand_does_it(lab: KindTarget, kind: str) -> None:
    fault = faults.load(kind)
    plan = fault.plan(lab, component="api")
    fault.inject(lab, plan)
    for line in fault.by_hand(lab, plan):
        subprocess.run(line, shell=True, check=True, capture_output=True, text=True)  # noqa: S602  that is how it is meant
    assert not fault.active(lab, plan)
    fault.heal(lab, plan)  # the labels on the pods are no harm, and go with it


@pytest.mark.parametrize("kind", ["dns", "quota"])
def test_they_are_over_when_they_say_so(lab: KindTarget, kind: str) -> None:
    over = datetime.now(UTC) + timedelta(seconds=LONG_S)
    lab.expire(over)
    fault = faults.load(kind)
    plan = fault.plan(lab, component="api")
    try:
        fault.inject(lab, plan)
        assert not sweep.left(lab.cluster, over - timedelta(seconds=1))
        assert sweep.sweep(lab.cluster, over)
        assert not fault.residue(lab)
    finally:
        lab.expire(datetime.now(UTC))
