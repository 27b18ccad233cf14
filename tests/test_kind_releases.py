"""Bad releases on a real kind cluster: the old pods go on serving, and everybody can take the release back."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from experiments import faults
from probes.http import status
from targets import where
from targets.pods import sweep
from targets.pods.kindlab import KindTarget
from targets.pods.releases import CRASHING, MISSING
from targets.target import BadInput, TargetError
from targets.waiting import until
from tests.kindlab import lacks

LONG_S = 60.0

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> Iterator[KindTarget]:
    yield kind_lab
    assert not kind_lab.strayed()
    assert not sweep.left(kind_lab.cluster)
    # those that leave are no nodes any more, but a new test would take them for its own
    until(lambda: only_two(kind_lab), LONG_S, "the pods of the bad release to be gone")


def only_two(lab: KindTarget) -> bool:
    """Tell whether there are no others. TargetError says which there are."""
    if len(pods := lab.pods("api")) != 2:
        raise TargetError(", ".join(f"{pod.name} on {pod.host}{', leaving' * pod.leaving}" for pod in pods))
    return True


def has_a_pod_that_is_not_ready(lab: KindTarget) -> bool:
    return any(not pod.ready for pod in lab.pods("api"))


@pytest.mark.parametrize("release", [pytest.param(CRASHING, marks=pytest.mark.nightly), MISSING])
def test_the_fault_keeps_its_word(lab: KindTarget, release: str) -> None:
    fault = faults.load("release")
    plan = fault.plan(lab, component="api", release=release)
    before = [pod.name for pod in lab.pods("api")]
    fault.inject(lab, plan)
    fault.inject(lab, plan)  # again is the same as once
    assert fault.active(lab, plan)
    assert fault.residue(lab)
    until(lambda: has_a_pod_that_is_not_ready(lab), LONG_S, "a pod of the bad release")
    assert {pod.name for pod in lab.pods("api") if pod.ready} == set(before), "the old ones go on"
    with pytest.raises(BadInput, match=f"runs '{release}' already"):
        fault.plan(lab, component="api", release=release)
    fault.heal(lab, plan)
    fault.heal(lab, plan)
    assert not fault.active(lab, plan)


def test_a_crash_loop_is_counted(lab: KindTarget) -> None:
    node = lab.nodes("api")[0].name
    was = lab.releases(node)
    assert lab.restarts(node) == 0
    lab.deploy(node, CRASHING)
    assert lab.releases(node) == (*was, CRASHING)
    until(lambda: lab.restarts(node) >= 2, LONG_S, "two restarts")
    assert until(lab.down, LONG_S, "its kubelet to wait")
    assert not lab.kept_down(), "nothing of ours keeps it down"
    lab.deploy(node, was[-1])
    until(lambda: lab.restarts(node) == 0, LONG_S, "nothing to crash any more")


def test_of_two_bad_ones_the_good_one_is_still_known(lab: KindTarget) -> None:
    node = lab.nodes("api")[0].name
    (was,) = lab.releases(node)
    lab.deploy(node, CRASHING)
    lab.deploy(node, MISSING)
    assert lab.releases(node) == (was, MISSING)
    lab.deploy(node, was)
    assert len(lab.releases(node)) == 1
    lab.deploy(node, was)  # as those do who undo the same for several nodes at once
    with pytest.raises(BadInput, match="has no release 'revision-99'"):
        lab.deploy(node, "revision-99")
    with pytest.raises(BadInput, match="has no release 'nightly'; it has crashing, missing-image, revision-"):
        lab.deploy(node, "nightly")
    with pytest.raises(BadInput, match="only the one it runs"):
        lab.deploy("postgres-a", CRASHING)


def test_labels_alone_take_it_back_when_it_is_due(lab: KindTarget) -> None:
    """A count that was changed besides is given back in its own time."""
    node, over = lab.nodes("api")[0].name, datetime.now(UTC) + timedelta(seconds=LONG_S)
    lab.expire(over)
    try:
        lab.deploy(node, MISSING)
        assert not sweep.left(lab.cluster, over - timedelta(seconds=1))
        assert sweep.sweep(lab.cluster, over) == (f"{lab.namespace}/api: a bad release",)
        assert not lab.strayed()
    finally:
        lab.expire(datetime.now(UTC))


def test_what_is_said_to_do_by_hand_does_it(lab: KindTarget) -> None:
    fault = faults.load("release")
    plan = fault.plan(lab, component="api", release=MISSING)
    fault.inject(lab, plan)
    for line in dict.fromkeys(fault.by_hand(lab, plan)):
        subprocess.run(line, shell=True, check=True, capture_output=True, text=True)  # noqa: S602  that is how it is meant
    assert not fault.active(lab, plan)


def test_callers_notice_nothing(lab: KindTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(where, "target", lambda: lab)
    node = lab.nodes("api")[0].name
    (was,) = lab.releases(node)
    lab.deploy(node, CRASHING)
    until(lambda: lab.restarts(node) >= 1, LONG_S, "a restart")
    assert status(component="api", path="/health") == 200
    lab.deploy(node, was)
