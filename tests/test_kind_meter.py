"""The client in a pod of a real kind cluster: what it sees, by which clock, and that it leaves nothing."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from drills.harness import meter
from probes import handle, watching
from targets import systems
from targets.boxes import here
from targets.places import ROOT
from targets.pods import commands, observer, workloads
from targets.pods.elsewhere import Clock
from targets.pods.kindlab import KindTarget
from targets.pods.policies import MANAGED, OURS
from targets.pods.relay import CLOCK
from targets.pods.workloads import Pod, Selection
from targets.target import BadInput, DrillyardError
from targets.waiting import until
from tests.kindlab import lacks

LONG_S = 60.0
BOUND_MS = 50.0
EVERY_S = 0.2
WATCHED = ("api", "postgres", "redis", "objects", "logins", "worker")

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> KindTarget:
    return kind_lab


def asked(lab: KindTarget, folder: Path) -> dict[str, Any]:
    doors = meter.doors(lab, meter.INSIDE)
    system = systems.load("lab-on-kind")
    every = [seldom(watching.watching(doors, system, name, ledger_id=f"{folder.name}-{name}")) for name in WATCHED]
    return watching.spec(every) | {"folder": str(folder)}


def seldom(one: watching.Watching) -> watching.Watching:
    """Have so many callers at once call as seldom as two cores bear, and whoever else is at work there."""
    streams, ledgers = (
        tuple({**each, "interval_s": EVERY_S} for each in every) for every in (one.streams, one.ledgers)
    )
    return watching.Watching(streams=streams, ledgers=ledgers)


def observers(lab: KindTarget) -> tuple[Pod, ...]:
    where = {"ours": Selection(namespace=lab.namespace, select=f"{MANAGED}={OURS}")}
    return tuple(pod for pod in workloads.of(lab.cluster, where)["ours"] if observer.OBSERVER in pod.labels)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_all_that_drills_watch_is_watched_from_inside(lab: KindTarget, tmp_path: Path) -> None:
    """On kind the pods' clock is this machine's: by how much it is thought to differ is the error."""
    began_ns = time.monotonic_ns()
    with lab.observer() as argv, handle.start(asked(lab, tmp_path), argv) as client:
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        client.finish(LONG_S)
    clock = Clock(**json.loads((tmp_path / CLOCK).read_text()))
    assert abs(clock.offset_ns) <= clock.bound_ns
    assert clock.bound_ns / 1e6 <= BOUND_MS
    samples = lines(tmp_path / "samples.jsonl")
    assert {sample["stream"] for sample in samples} == set(WATCHED)
    assert min(sample["intended_ns"] for sample in samples) >= began_ns - clock.bound_ns
    final = json.loads((tmp_path / "final_read.json").read_text())
    writes = lines(tmp_path / "writes.jsonl")
    for ledger, read in final.items():
        assert read["complete"], read
        assert {w["seq"] for w in writes if w["ledger"] == ledger and w["outcome"] == "acked"} <= set(read["seqs"])


def test_a_client_whose_pod_goes_says_so(lab: KindTarget, tmp_path: Path) -> None:
    with lab.observer() as argv, handle.start(asked(lab, tmp_path), argv) as client:
        for pod in observers(lab):
            lab.cluster.core.delete_namespaced_pod(pod.name, pod.namespace, grace_period_seconds=1)
        with pytest.raises(DrillyardError, match="the measuring client"):
            client.steady(time.monotonic_ns() + int(LONG_S * 1e9), LONG_S)


def test_a_relay_that_dies_takes_the_client_along(lab: KindTarget, tmp_path: Path) -> None:
    with lab.observer() as argv:
        client = handle.start(asked(lab, tmp_path), argv)
        (pod,) = observers(lab)
        assert clients(lab, pod)
        client.kill()
        until(lambda: not clients(lab, pod), LONG_S, "the client in the pod to end")


def test_the_client_there_goes_before_others_where_this_machine_runs_it(lab: KindTarget, tmp_path: Path) -> None:
    with lab.observer() as argv, handle.start(asked(lab, tmp_path), argv):
        (pod,) = observers(lab)
        if not (seen := here.processes([pod.process])):
            pytest.skip("the cluster's processes are not to be seen on this machine")
        ranks = {os.sched_getscheduler(pid) for pid, _, _ in seen[pod.process]}
    assert ranks == {os.SCHED_RR | os.SCHED_RESET_ON_FORK}


def clients(lab: KindTarget, pod: Pod) -> str:
    """List the processes in a pod that run a client."""
    _, out, _ = commands.inside(lab.cluster, pod, ["pgrep", "-f", "runpy"], timeout=LONG_S)
    return out


def test_a_drill_is_measured_from_inside(lab: KindTarget, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "drills/test_redis.py", "-k", "master_killed", "--target", lab.address]
    ran = subprocess.run(
        [*argv, "--meter", "inside", "--run-folder", str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in ran.stdout, ran.stdout
    assert "watched from beside the services, by a clock known to within" in ran.stdout
    assert not observers(lab)


def test_a_drill_is_measured_from_inside_and_from_outside_side_by_side(lab: KindTarget, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "drills/test_api.py", "-k", "every_replica_killed", "--target", lab.address]
    argv += ["--system", "lab-on-kind", "--meter", "both", "--run-folder", str(tmp_path / "run")]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "1 passed" in ran.stdout, ran.stdout
    (found,) = (tmp_path / "run").glob("*/outcome.json")
    outcome = json.loads(found.read_text())
    assert outcome["rto_s"] > 0
    assert outcome["outside_rto_s"] > 0, "nobody was served, wherever he called from"
    assert any(says.startswith("from outside: api came back") for says in outcome["why"])
    assert not observers(lab)


def test_what_is_no_cluster_has_no_inside() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "drills/test_api.py", "-k", "one_replica_killed", "--meter", "inside"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    assert "--meter inside: local:" in ran.stdout + ran.stderr


def test_without_a_place_nobody_can_ask_there(lab: KindTarget) -> None:
    with pytest.raises(BadInput, match="has no component 'web'"):
        lab.endpoint_inside("web")
