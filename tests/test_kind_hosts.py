"""The hosts of a real kind cluster: drained and opened again, without power, and not ours to close."""

import pytest

from experiments import faults
from targets.pods import clusters, refusals
from targets.pods.kindlab import KindTarget
from targets.target import Node, Unable
from tests.kindlab import lacks

LONG_S = 60.0
ASKS = """
import errno, socket
caller = socket.socket()
caller.setsockopt(socket.SOL_IP, 11, 1)  # IP_RECVERR: what comes by ICMP is kept
caller.settimeout(20)
print(errno.errorcode[caller.connect_ex(("{ip}", 80))])
caller.setblocking(False)
try:
    print(caller.recvmsg(1, 512, socket.MSG_ERRQUEUE))
except OSError as error:
    print(errno.errorcode[error.errno])
"""
BUSY = 0.15  # one that spins takes a third of a core, or all of it; one that does not, a hundredth

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


@pytest.fixture
def lab(kind_lab: KindTarget) -> KindTarget:
    return kind_lab


def worker(lab: KindTarget, component: str, role: str | None = None) -> Node:
    """Find a node of the lab that is on a worker."""
    return next(node for node in lab.nodes(component, role) if node.zone in clusters.ZONES)


def test_a_host_is_drained_of_what_was_named_and_opened_again(lab: KindTarget) -> None:
    fault = faults.load("drain")
    plan = fault.plan(lab, component="api", zone=worker(lab, "api").zone)
    ((host, leaving),) = plan["hosts"].items()
    others = {node: where for node, where in lab.hosts().items() if node not in leaving}
    fault.inject(lab, plan)
    try:
        assert fault.active(lab, plan)
        assert lab.closed() == {host}
        there = lab.hosts()
        assert host not in {there[node.name] for node in lab.nodes("api")}
        assert others.items() <= there.items()
        fault.inject(lab, plan)  # again is the same as once
    finally:
        fault.heal(lab, plan)
    assert fault.residue(lab) == []
    assert not lab.down()


def test_a_host_without_power_is_lost_with_all_that_runs_there(lab: KindTarget) -> None:
    fault = faults.load("poweroff")
    plan = fault.plan(lab, component="postgres", zone=worker(lab, "postgres", "standby").zone)
    (host,) = plan["hosts"]
    before = {node: lab.incarnation(node) for node in plan["victims"]}
    fault.heal(lab, plan)  # of a host that is on: nothing
    assert {node: lab.incarnation(node) for node in plan["victims"]} == before
    fault.inject(lab, plan)
    assert fault.active(lab, plan)
    assert fault.residue(lab) == [f"host {host} is off"]
    assert fault.by_hand(lab, plan) == [f"docker start {host}"]
    fault.heal(lab, plan)
    assert fault.active(lab, plan) is False
    assert not lab.down()
    after = {node: lab.incarnation(node) for node in plan["victims"]}
    assert not set(before.values()) & set(after.values())
    lab.await_ready(LONG_S)
    if refusals.are_resets(f"{lab.name}-control-plane"):  # a cluster that was made here
        assert refusals.are_resets(host), "its rules went with its power"
        assert refusals.are_forgotten(host)
        assert kubelet_may_read_claims(lab, host), "or it may ask before it is known to be concerned"
    with pytest.raises(Unable, match=r"control-plane is not a worker"):
        lab.switchable([f"{lab.name}-control-plane"])


def kubelet_may_read_claims(lab: KindTarget, host: str) -> bool:
    """Ask about a claim that no pod of that host has."""
    asked = {"verb": "get", "resource": "persistentvolumeclaims", "namespace": lab.namespace, "name": "nobodys"}
    review = {"user": f"system:node:{host}", "groups": ["system:nodes"], "resourceAttributes": asked}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": review}
    said = lab.cluster.plain("post", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(said["status"]["allowed"])


def test_hosts_that_are_not_ours_to_close_are_not(lab: KindTarget) -> None:
    node = worker(lab, "api")
    host = lab.hosts()[node.name]
    with pytest.raises(Unable, match=r"control-plane is the control plane's"):
        lab.drainable([f"{lab.name}-control-plane"])
    lab.cluster.core.patch_node(host, {"spec": {"unschedulable": True}})
    try:
        with pytest.raises(Unable, match=rf"somebody else has closed {host}"):
            faults.load("drain").plan(lab, component="api", zone=node.zone)
        lab.reopen(host)
        assert lab.cluster.core.read_node(host).spec.unschedulable
    finally:
        lab.cluster.core.patch_node(host, {"spec": {"unschedulable": False}})
    lab.drainable([host])


def test_who_calls_where_nobody_is_is_refused_at_once_and_nothing_spins(lab: KindTarget) -> None:
    """A connection that was refused by ICMP first reports an error for ever, which is what epoll then wakes for."""
    if not refusals.are_resets(f"{lab.name}-control-plane"):
        pytest.skip(f"cluster {lab.name} was not made here")
    empty = {"selector": {"nobody": "has-this"}, "ports": [{"port": 80}]}
    made = lab.cluster.core.create_namespaced_service(lab.namespace, {"metadata": {"name": "empty"}, "spec": empty})
    asks = ASKS.format(ip=made.spec.cluster_ip)
    try:
        for node in lab.nodes("api"):
            code, out, err = lab.inside(node.name, ["python3", "-c", asks], timeout=LONG_S)
            assert (code, out.split()) == (0, ["ECONNREFUSED", "EAGAIN"]), err  # refused, and by no ICMP
    finally:
        lab.cluster.core.delete_namespaced_service("empty", lab.namespace)
    for node in lab.nodes("sentinel"):
        _, out, _ = lab.inside(node.name, ["ps", "-C", "valkey-server", "-o", "cputimes=,etimes="], timeout=LONG_S)
        worked, lived = map(int, out.split())
        assert worked <= 1 + lived * BUSY, f"{node.name} worked for {worked} of {lived} s"
