"""What is in a cluster without anybody who knows of it: put back by labels alone, and in time by the reaper there."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rollback import holder
from targets import places
from targets.pods import reaper, sweep
from targets.pods.expiry import EXPIRES
from targets.pods.kindlab import KindTarget
from targets.pods.policies import MANAGED, OURS
from targets.rules import Rule
from targets.target import Node
from targets.target import sweep as swept
from targets.waiting import until
from tests.kindlab import lacks

EXPIRES_S, LATER_S = 5.0, 20.0
WELL_S = 60.0  # for a machine under any load; that it is not before its time is asserted
HARNESS = """
import sys
from rollback import guard
from rollback.arming import Permit
from targets.target import attach
target, expires = attach(sys.argv[1]), float(sys.argv[2])
with guard.Session(permit=Permit()) as session:
    guard.inject(session, target, "partition", source="api", destination="redis", expires_after_s=expires)
    guard.inject(session, target, "kill", component="redis", role="replica", expires_after_s=expires)
    print(session.watchdog._process.pid, flush=True)
    sys.stdin.readline()
"""

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> KindTarget:
    return kind_lab


def the(lab: KindTarget, component: str, role: str | None = None) -> Node:
    return lab.nodes(component, role)[0]


def well(lab: KindTarget) -> bool:
    return not (lab.down() or lab.resized() or lab.closed())


def test_labels_alone_put_everything_back_from_any_shell(lab: KindTarget, tmp_path: Path) -> None:
    """As when the harness's machine is gone, and its records with it."""
    primary, replica = the(lab, "postgres", "primary"), the(lab, "redis", "replica").name
    api = the(lab, "api")
    lab.cut(Rule(id="partition-2", sources=(api.name,), destinations=(primary.name,), mode="drop"))
    instance = lab.incarnation(replica)
    assert instance
    lab.kill(replica, instance)
    lab.scale("api", 3)
    lab.drain(f"{lab.name}-worker", [])
    # the policy, the two pods that it names, the held one, the scaled one, the host
    left = [what for what, _ in sweep.left(lab.cluster)]
    assert len(left) == 6, left
    done = subprocess.run(
        [sys.executable, "-m", "rollback", "stop", "--target", lab.address, "--reason", "their machine is gone"],
        cwd=places.ROOT,
        env=os.environ | {"DRILLYARD_STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scaled, was 2" in done.stdout
    assert not sweep.left(lab.cluster)
    assert not swept(lab.address)  # again is the same as once
    assert not lab.down()
    assert not lab.resized()
    assert not lab.closed()
    with lab.cluster.asked("networkpolicies"):
        found = lab.cluster.networking.list_network_policy_for_all_namespaces(label_selector=f"{MANAGED}={OURS}")
    assert not found.items


def test_only_what_is_past_its_time_is_put_back_by_the_reaper(lab: KindTarget) -> None:
    """Nobody here puts anything back."""
    api, primary, replica = (the(lab, *who).name for who in (("api",), ("postgres", "primary"), ("redis", "replica")))
    lab.expire(datetime.now(UTC) + timedelta(hours=1))
    lab.cut(Rule(id="partition-3", sources=(api,), destinations=(primary,), mode="drop"))
    ends = datetime.now(UTC) + timedelta(seconds=EXPIRES_S)
    lab.expire(ends)
    lab.cut(Rule(id="partition-4", sources=(api,), destinations=(replica,), mode="drop"))
    lab.kill(replica, lab.incarnation(replica) or "")
    lab.scale("api", 3)
    lab.drain(f"{lab.name}-worker", [])
    try:
        until(lambda: lab.cuts() == {"partition-3"} and well(lab), EXPIRES_S + reaper.EVERY_S + WELL_S, "the reaper")
        assert datetime.now(UTC) >= ends - timedelta(seconds=1)  # the annotation has whole seconds
        (kept,) = sweep.left(lab.cluster, datetime.now(UTC) + timedelta(hours=2))[:1]
        assert kept[0] == f"1 policies in {lab.namespace}"
    finally:
        swept(lab.address)
    assert not lab.cuts()
    assert lab.expires_at is None  # what is done now is not over already


def test_what_is_frozen_past_its_time_is_replaced(lab: KindTarget) -> None:
    """The reaper may not go into pods: it has their workload begin anew."""
    victim = the(lab, "redis", "replica").name
    before = lab.incarnation(victim)
    lab.expire(datetime.now(UTC) + timedelta(seconds=EXPIRES_S))
    lab.pause(victim, before or "")
    assert lab.paused() == {victim}
    until(lambda: lab.incarnation(victim) not in (None, before), EXPIRES_S + reaper.EVERY_S + WELL_S, "the reaper")
    until(lambda: well(lab) and not lab.paused(), WELL_S, "it serves")
    assert not sweep.left(lab.cluster)


def test_what_is_woken_in_time_is_left_alone(lab: KindTarget) -> None:
    victim = the(lab, "redis", "replica").name
    before = lab.incarnation(victim)
    lab.expire(datetime.now(UTC) + timedelta(seconds=LATER_S))
    lab.pause(victim, before or "")
    (left,) = sweep.left(lab.cluster)
    assert left[0] == f"{lab.namespace}/{lab.pod_of(victim)}: frozen"
    lab.resume(victim)
    lab.resume(victim)  # again is the same as once
    assert not sweep.left(lab.cluster)
    assert not lab.find(victim).annotations.get(EXPIRES)  # type: ignore[union-attr]  # it is there
    assert lab.incarnation(victim) == before


def test_a_harness_and_its_watchdog_that_die_together_leave_it_to_the_reaper(lab: KindTarget, tmp_path: Path) -> None:
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, lab.address, str(LATER_S)],
        cwd=places.ROOT,
        env=os.environ | {"DRILLYARD_STATE": str(tmp_path), "PYTHONPATH": str(places.ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with harness:
        assert harness.stdout
        watchdog = int(harness.stdout.readline())
        for pid in (watchdog, harness.pid):
            os.kill(pid, signal.SIGKILL)
        harness.wait()
    assert lab.cuts()
    assert lab.down()
    until(lambda: not lab.cuts() and well(lab), LATER_S + reaper.EVERY_S + WELL_S, "the reaper")
    ((lease, _),) = sweep.left(lab.cluster)  # it outlasts what was hurt under it, and our own dead's is no hindrance
    assert holder.is_dead(lease.removeprefix(f"lease of {lab.namespace}: "))
    assert swept(lab.address) == (lease,)
