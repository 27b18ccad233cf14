"""Kills on a real kind cluster whose processes are this machine's: by whom, and when."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from targets import blow
from targets.boxes import here
from targets.pods import commands, workloads
from targets.pods.cluster import Cluster
from targets.pods.kindlab import KindTarget
from targets.pods.target import REPLACED
from targets.pods.workloads import Pod
from targets.waiting import until
from tests.kindlab import lacks

LONG_S = 60.0

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> KindTarget:
    return kind_lab


def seen(lab: KindTarget, component: str, role: str | None = None) -> tuple[str, str, Pod]:
    """Choose a victim: its name, its instance, its pod."""
    victim = lab.nodes(component, role)[0].name
    pod, instance = lab.find(victim), lab.incarnation(victim)
    assert pod
    assert instance
    if not here.processes([pod.process]):
        pytest.skip("the cluster's engine is not on this machine")
    return victim, instance, pod


def test_whose_processes_are_this_machines_is_killed_from_here_alone(
    lab: KindTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask for it inside, where nobody is left to answer, took a second."""
    victim, instance, pod = seen(lab, "redis", "replica")
    asked: list[str] = []
    inside = commands.inside

    def noting(cluster: Cluster, pod: Pod, argv: Sequence[str], *, timeout: float) -> commands.Said:
        asked.extend(argv)
        return inside(cluster, pod, argv, timeout=timeout)

    monkeypatch.setattr(commands, "inside", noting)
    lab.kill(victim, instance)
    assert not [word for word in asked if "kill" in word]
    until(lambda: not here.processes([pod.process]), LONG_S, "all of them to have ended")
    lab.start(victim)


def test_a_kill_is_dated_by_what_kills(lab: KindTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deletion after it hurts nobody any more, however long it takes."""
    (victim, instance, _), takes_s, delete = seen(lab, "api"), 1.0, workloads.delete

    def slowly(*words: Any) -> None:
        time.sleep(takes_s)
        delete(*words)

    monkeypatch.setattr(workloads, "delete", slowly)
    first, last = blow.timed(lambda: lab.kill(victim, instance))
    assert last - first < takes_s * 1e9
    assert time.monotonic_ns() - last > takes_s * 1e9 / 2
    until(lambda: lab.incarnation(victim) == REPLACED, LONG_S, "it is replaced")
