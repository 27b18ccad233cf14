"""The lab on a real kind cluster: who stays down, who is replaced, what a policy cuts, what works in pods."""

import sys

import pytest

from targets import kubernetes, where
from targets.pods import frozen, sweep
from targets.pods.kindlab import KindTarget
from targets.pods.target import REPLACED
from targets.pods.workloads import FROZEN
from targets.rules import Rule
from targets.target import Node, VictimGone, attach
from targets.waiting import until
from tests.kindlab import lacks

LONG_S = 60.0
REACHES = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> KindTarget:
    return kind_lab


def the(lab: KindTarget, component: str, role: str | None = None) -> Node:
    return lab.nodes(component, role)[0]


def reaches(lab: KindTarget, source: Node, inside: str) -> bool:
    host, _, port = inside.rpartition(":")
    return lab.run(source, ["python3", "-c", REACHES, host, port], timeout=10).code == 0


def test_another_process_finds_the_same_lab(lab: KindTarget) -> None:
    again = attach(lab.address)
    assert isinstance(again, KindTarget)
    assert [node.name for node in again.nodes("postgres")] == ["postgres-a", "postgres-b", "postgres-c"]
    assert sorted(node.role for node in again.nodes("postgres")) == ["primary", "standby", "standby"]
    assert len({node.zone for node in lab.nodes("postgres")}) >= 2
    assert not again.down()


def test_by_its_context_it_is_the_same_lab_and_has_to_be_armed(
    lab: KindTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(where.SYSTEM, "lab")
    monkeypatch.setattr(kubernetes, "connected", lambda _context: lab.cluster)  # $KUBECONFIG is read once a process
    again = attach(f"kubernetes:{lab.cluster.context}")
    assert not again.disposable
    assert again.address == f"kubernetes:{lab.cluster.context}"
    assert {node.name for node in again.nodes("redis")} == {node.name for node in lab.nodes("redis")}
    assert again.endpoint("api") == lab.endpoint("api")


def test_who_is_not_restarted_by_the_lab_stays_down_until_started(lab: KindTarget) -> None:
    victim = the(lab, "redis", "replica").name
    instance = lab.incarnation(victim)
    assert instance
    lab.kill(victim, instance)
    assert lab.incarnation(victim) is None
    assert lab.down() == lab.kept_down() == (victim,)
    with pytest.raises(VictimGone):
        lab.kill(victim, instance)
    assert any("finalizers" in line for line in lab.spelled("start", victim))
    lab.start(victim)
    assert lab.incarnation(victim) not in (None, instance)
    assert not lab.down()
    lab.start(victim)  # again is the same as once


def test_a_replica_of_the_api_is_replaced(lab: KindTarget) -> None:
    victim = the(lab, "api").name
    instance = lab.incarnation(victim)
    assert instance
    lab.kill(victim, instance)
    assert until(lambda: lab.incarnation(victim), LONG_S, "it is replaced") == REPLACED
    assert victim not in [node.name for node in lab.nodes("api")]
    assert len(lab.nodes("api")) == 2


def test_nobody_waits_for_those_who_are_too_many_to_have_left(lab: KindTarget) -> None:
    lab.scale("api", 3)
    assert sum(pod.ready for pod in lab.pods("api")) == 3
    lab.scale("api", 2)
    now = lab.pods("api")
    assert sum(pod.ready for pod in now) == 2
    assert sum(pod.leaving for pod in now) == 1, "it serves on for two seconds"
    assert {node.name for node in lab.nodes("api")} == {pod.name for pod in now if pod.ready}
    assert not lab.resized()
    until(lambda: len(lab.pods("api")) == 2, LONG_S, "it to be gone")


def test_a_replica_that_is_lost_for_good_is_not_replaced_until_it_is_started(lab: KindTarget) -> None:
    victim, other = (node.name for node in lab.nodes("api"))
    instance = lab.incarnation(victim)
    assert instance
    lab.kill(victim, instance, for_good=True)
    until(lambda: [node.name for node in lab.nodes("api")] == [other], LONG_S, "it is gone, and the other is not")
    assert lab.incarnation(victim) is None
    assert lab.down() == ("a pod of api",)
    assert lab.kept_down() == ("a pod of Deployment/api",)
    assert len(lab.nodes("api")) == 1
    lab.start(victim)
    assert lab.incarnation(victim) == REPLACED
    assert not lab.down()
    assert not lab.kept_down()
    assert not lab.resized()
    assert not sweep.left(lab.cluster)


def test_the_data_of_a_server_that_is_down_is_reached_and_can_be_lost(lab: KindTarget) -> None:
    victim = the(lab, "postgres", "standby")
    instance = lab.incarnation(victim.name)
    assert instance
    lab.kill(victim.name, instance)
    control = lab.run(victim, ["pg_controldata", "-D", "data"], timeout=10)
    assert control.code == 0, control
    assert "in archive recovery" in control.out
    lab.start(victim.name)
    instance = lab.incarnation(victim.name)
    assert instance
    lab.lose(victim.name, instance)
    assert lab.lost() == {victim.name}
    assert lab.run(victim, ["ls"], timeout=10).out.split() == []
    lab.start(victim.name)
    assert not lab.lost()
    until(lambda: sorted(n.role for n in lab.nodes("postgres")) == ["primary", "standby", "standby"], LONG_S, "anew")


def test_a_partition_cuts_what_it_names_and_nobody_else(lab: KindTarget) -> None:
    api, other = lab.nodes("api")
    primary = the(lab, "postgres", "primary")
    rule = Rule(id="partition-1", sources=(api.name,), destinations=(primary.name,), mode="drop")
    assert lab.means(rule) == "a NetworkPolicy"
    assert reaches(lab, api, primary.inside)
    lab.cut(rule)
    lab.cut(rule)
    try:
        assert lab.cuts() == {"partition-1"}
        until(lambda: not reaches(lab, api, primary.inside), LONG_S, "it is cut")
        assert reaches(lab, other, primary.inside)
        assert [node.role for node in lab.nodes("postgres")].count("primary") == 1  # as seen from outside
    finally:
        lab.uncut("partition-1")
        lab.uncut("partition-1")
    assert not lab.cuts()
    until(lambda: reaches(lab, api, primary.inside), LONG_S, "it is healed")
    assert not sweep.left(lab.cluster)


def test_a_pod_whose_frozen_processes_were_killed_is_not_called_frozen_any_more(lab: KindTarget) -> None:
    """It is found so by an undo that comes while its kubelet waits before it starts them anew."""
    victim = the(lab, "redis", "replica").name
    instance = lab.incarnation(victim)
    assert instance
    lab.kill(victim, instance, for_good=True)
    pod = lab.find(victim)
    assert pod
    assert not pod.incarnation
    frozen.mark(lab.cluster, pod, None)
    lab.resume(victim)
    now = lab.find(victim)
    lab.start(victim)
    assert now
    assert FROZEN not in now.labels
    assert now.held, "what else was done to it stays"


def test_a_frozen_server_answers_again_when_resumed(lab: KindTarget) -> None:
    victim = the(lab, "postgres", "standby").name
    instance = lab.incarnation(victim)
    assert instance
    lab.pause(victim, instance)
    try:
        assert lab.paused() == {victim}
        assert {node.name for node in lab.nodes("postgres") if not node.role} == {victim}
    finally:
        lab.resume(victim)
    assert not lab.paused()
    until(lambda: all(node.role for node in lab.nodes("postgres")), LONG_S, "it answers")


def test_this_python_stands_for_the_pods_own(lab: KindTarget) -> None:
    assert lab.run(the(lab, "api"), [sys.executable, "-c", "print(1 + 1)"], timeout=10).out.strip() == "2"


def test_a_load_works_in_its_pod_and_ends(lab: KindTarget) -> None:
    victim = the(lab, "api").name
    lab.load(victim, load_id="stress-1", kind="cpu", workers=2, seconds=60)
    try:
        assert lab.loading("stress-1") >= 2
        assert lab.loads() == {"stress-1"}
    finally:
        lab.unload("stress-1")
    assert not lab.loads()


def test_a_setting_is_put_in_force_and_taken_away(lab: KindTarget) -> None:
    primary = the(lab, "postgres", "primary").name
    lab.configure(primary, "work_mem", "1MB")
    try:
        assert lab.setting(primary, "work_mem") == "1MB"
        assert lab.overrides() == {f"{primary}: work_mem = '1MB'"}
    finally:
        lab.configure(primary, "work_mem", None)
    assert not lab.overrides()
