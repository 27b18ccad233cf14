"""The API's replicas on the real lab: releases, scaling, liveness, the bound on requests; and who is chosen."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from experiments import faults
from experiments.recovery import api
from rollback import stop as stopping
from targets.abilities import Deployable, Killable, Pausable, Scalable
from targets.lab.service.app import ROOM
from targets.lab.target import LocalTarget
from targets.target import BadInput, Target, TargetError
from targets.waiting import until

WITHIN_S = 30.0


@pytest.fixture
def lab(target: Target, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalTarget]:
    """Give the lab as it is at first, and see that the test leaves it so."""
    assert isinstance(target, LocalTarget)
    monkeypatch.setenv("DRILLYARD_TARGET", target.address)
    yield target
    left = stopping.residue(target)
    for node in target.strayed():
        target.deploy(node, "stable")
    for node in target.down():
        target.start(node)
    assert left == []


def status(lab: LocalTarget, path: str = "/health", node: str = "") -> int:
    url = next((n.endpoint for n in lab.nodes("api") if n.name == node), lab.endpoint("api"))
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test_it_has_the_abilities(lab: LocalTarget) -> None:
    assert isinstance(lab, Deployable)
    assert isinstance(lab, Scalable)


def test_scaling_up_and_down(lab: LocalTarget) -> None:
    assert lab.scaled("api") == len(lab.nodes("api")) == 2
    lab.scale("api", 4)
    assert [node.name for node in lab.nodes("api")] == ["api-1", "api-2", "api-3", "api-4"]
    assert all(status(lab, "/livez", node.name) == 200 for node in lab.nodes("api"))
    assert lab.resized() == ("api",)
    assert lab.down() == ()
    lab.scale("api", 2)
    assert lab.resized() == ()
    assert lab.incarnation("api-3") is lab.incarnation("api-4") is None
    lab.start("api-4")  # nobody wants it
    assert lab.incarnation("api-4") is None
    assert all(status(lab, "/livez") == 200 for _ in range(4))


@pytest.mark.parametrize(
    ("component", "count", "says"), [("api", 5, "1 to 4"), ("api", 0, "1 to 4"), ("redis", 2, "3")]
)
def test_what_cannot_be_scaled_is_refused(lab: LocalTarget, component: str, count: int, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        lab.scale(component, count)
    assert lab.scaled("redis") == 3


def test_a_bad_release_crashes_and_is_undone_without_waiting_for_its_backoff(lab: LocalTarget) -> None:
    lab.deploy("api-1", "crashing")
    assert lab.releases("api-1")[-2:] == ("stable", "crashing")
    assert lab.strayed() == ("api-1",)
    until(lambda: lab.restarts("api-1") >= 5, WITHIN_S, "a crash loop")
    assert status(lab, "/livez") == 200  # by the other one
    began = time.monotonic()
    lab.deploy("api-1", "stable")
    lab.start("api-1")
    assert lab.restarts("api-1") == 0
    assert time.monotonic() - began < 3.0, "the fifth backoff alone takes 3 s"
    assert lab.strayed() == ()


def test_releases_that_do_not_exist_are_refused(lab: LocalTarget) -> None:
    with pytest.raises(BadInput, match="it has stable, crashing"):
        lab.deploy("api-1", "nightly")
    with pytest.raises(BadInput, match="only the one it runs"):
        lab.deploy("redis-a", "stable")
    assert lab.releases("redis-a") == ()
    with pytest.raises(BadInput, match="runs 'stable' already"):
        faults.load("release").plan(lab, component="api", release="stable")
    with pytest.raises(BadInput, match="knows no releases"):
        faults.load("release").plan(lab, component="worker", release="crashing")


def test_nothing_is_rolled_back_that_does_not_crash(lab: LocalTarget) -> None:
    with pytest.raises(TargetError, match="a crash loop of api: not within"):
        api.roll_back(detect_within_s=0.2)
    with pytest.raises(TargetError, match="to refuse 3 callers in a row: not within"):
        api.scale_up(detect_within_s=0.2)
    assert lab.scaled("api") == 2


def test_a_frozen_replica_is_replaced(lab: LocalTarget) -> None:
    assert isinstance(lab, Pausable)
    frozen = lab.incarnation("api-1")
    assert frozen
    lab.pause("api-1", frozen)
    until(lambda: lab.incarnation("api-1") not in (None, frozen), WITHIN_S, "another one")
    assert "liveness probes: killing it" in (lab.folder / "api-1" / "log").read_text()
    lab.start("api-1")
    assert lab.paused() == frozenset()


def test_a_node_killed_for_good_stays_dead_until_it_is_started(lab: LocalTarget) -> None:
    running = lab.incarnation("api-2")
    assert running
    lab.kill("api-2", running, for_good=True)
    time.sleep(1.0)  # it would be restarted within 0.1 to 0.4 s
    assert lab.down() == ("api-2",)
    lab.start("api-2")
    until(lambda: status(lab, node="api-2") == 200, WITHIN_S, "api-2 to be well")


def test_a_full_replica_refuses_others_and_lives(lab: LocalTarget) -> None:
    port = urlsplit(lab.nodes("api")[0].endpoint).port
    slow = b"POST /orders HTTP/1.1\r\nHost: lab\r\nContent-Length: 1000\r\n\r\n"
    with ExitStack() as held:
        for _ in range(ROOM):
            held.enter_context(socket.create_connection(("127.0.0.1", port or 0))).sendall(slow)
        until(lambda: status(lab, node="api-1") == 503, WITHIN_S, "a refusal")
        assert status(lab, "/livez", "api-1") == 200
        assert status(lab, "/readyz", "api-1") == 503
        assert status(lab) == 200  # the door leads to the one with room
    until(lambda: status(lab, node="api-1") == 200, WITHIN_S, "room again")
    assert status(lab, "/readyz", "api-1") == 200


def test_memory_is_not_taken_beyond_a_safe_share(lab: LocalTarget) -> None:
    plan = faults.load("stress").plan
    with pytest.raises(
        BadInput, match=r"stress: 20000000 megabytes are more than 50% of the \d{2,} that are available"
    ):
        plan(lab, component="api", kind="memory", megabytes=10_000_000)
    with pytest.raises(BadInput, match="megabytes=0"):
        plan(lab, component="api", kind="memory")
    with pytest.raises(BadInput, match="kind='disk'"):
        plan(lab, component="api", kind="disk")


def test_a_zone_can_be_that_of_a_role(lab: LocalTarget) -> None:
    (primary,) = lab.nodes("postgres", "primary")
    every = ["postgres", "redis", "api"]
    here = [node for one in every for node in lab.nodes(one) if node.zone == primary.zone]
    assert faults.chosen(lab, every, zone="of primary") == [node.name for node in here]
    with pytest.raises(BadInput, match="2 zones hold a standby"):
        faults.chosen(lab, every, zone="of standby")


def test_the_undo_of_a_kill_starts_one_component_after_the_other(
    lab: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(lab, Killable)
    started: list[str] = []
    plan = faults.load("kill").plan(lab, component=["worker", "sentinel"])

    def start(node: str) -> None:
        started.append(node)
        if node == "worker-1":
            raise TargetError("worker-1 does not want to")

    monkeypatch.setattr(lab, "start", start)
    with pytest.raises(TargetError, match="does not want to"):
        faults.load("kill").heal(lab, plan)
    assert started[0] == "worker-1"
    assert set(started[1:]) == {"sentinel-a", "sentinel-b", "sentinel-c"}
