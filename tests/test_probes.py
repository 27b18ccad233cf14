"""The experiments' probes against the real lab: whole, with a node out of reach, with a node dead."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes import documents, http, postgres, processes, redis, wait
from probes.wire.http import Answer
from targets import where
from targets.abilities import Killable, Partitionable
from targets.rules import Rule
from targets.target import BadInput, Target, TargetError, create
from targets.waiting import until
from tests.fakes import FakeTarget

LONG_S = 30.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Target]:
    built = create("local", on_progress=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(where.VARIABLE, built.address)
        yield built
    built.close()


@contextmanager
def silent(lab: Target, *nodes: str) -> Iterator[None]:
    """Let nothing pass to some nodes, and nobody be told."""
    assert isinstance(lab, Partitionable)
    lab.cut(Rule(id="silent", sources=("*",), destinations=nodes, mode="drop"))
    try:
        yield
    finally:
        lab.uncut("silent")


def test_a_whole_lab(lab: Target) -> None:
    assert lab.address
    assert (postgres.primaries(), postgres.streaming_standbys()) == (1, 2)
    assert postgres.synchronous_commit_possible()
    assert (redis.masters(), redis.linked_replicas(), redis.sentinel_quorum()) == (1, 2, True)
    assert (http.status(), http.status(path="/nothing-here")) == (200, 404)
    assert http.field("api", "/health", "status") == "ok"
    assert http.field("api", "/health", "no such key") is None
    assert http.upload_status() == 201
    assert documents.half_written() == 0
    assert {part: processes.running(part) for part in ("api", "postgres", "worker")} == {
        "api": 2,
        "postgres": 3,
        "worker": 1,
    }
    assert processes.await_running("redis", 3, LONG_S) == 3


def test_silent_nodes_are_not_counted_and_hold_nobody(lab: Target) -> None:
    (primary,), (master,) = lab.nodes("postgres", "primary"), lab.nodes("redis", "master")
    with silent(lab, primary.name, master.name, "objects-a"):
        assert postgres.primaries() == 0
        assert postgres.streaming_standbys() == 0
        assert not postgres.synchronous_commit_possible()
        assert http.upload_status() == 503
        with pytest.raises(TargetError, match="audit answered HTTP 503"):
            documents.half_written()
        seen = redis.await_failover(LONG_S, old=master.name)
    assert seen["master"] != master.name
    assert seen["detected_ns"] <= seen["promoted_ns"]
    assert postgres.await_standbys(2, LONG_S)["standbys"] == 2
    assert redis.await_replicas(2, LONG_S)["replicas"] == 2
    until(lambda: redis.masters() == 1, LONG_S, "one master again")


def test_a_commit_that_waits_for_lost_standbys_is_not_possible(lab: Target) -> None:
    assert isinstance(lab, Partitionable)
    (primary,) = lab.nodes("postgres", "primary")
    standbys = tuple(node.name for node in lab.nodes("postgres", "standby"))
    lab.cut(Rule(id="alone", sources=standbys, destinations=(primary.name,), mode="drop"))
    try:
        assert not postgres.synchronous_commit_possible()
        assert postgres.primaries() == 1
    finally:
        lab.uncut("alone")
    until(postgres.synchronous_commit_possible, LONG_S, "commits again")


def test_a_dead_node_is_counted_out_and_in_again(lab: Target) -> None:
    assert isinstance(lab, Killable)
    incarnation = lab.incarnation("sentinel-a")
    assert incarnation
    lab.kill("sentinel-a", incarnation)
    assert processes.running("sentinel") == 2
    assert redis.sentinel_quorum()
    lab.kill("sentinel-b", str(lab.incarnation("sentinel-b")))
    with pytest.raises(TargetError, match=r"the Sentinels' quorum: not within 0\.1 s"):
        redis.await_quorum(0.1)
    lab.start("sentinel-b")
    lab.start("sentinel-a")
    assert redis.await_quorum(LONG_S)["quorum_ns"] <= time.monotonic_ns()
    assert processes.await_running("sentinel", 3, LONG_S) == 3


def test_waiting_in_vain_names_the_cause() -> None:
    def never() -> None:
        raise TargetError("the moon is down")

    with pytest.raises(TargetError, match=r"moonlight: not within 0\.05 s \(the moon is down\)"):
        until(never, 0.05, "moonlight")
    with pytest.raises(TargetError, match="not yet"):
        until(lambda: None, 0.01, "anything")


def test_holding_takes_as_long_as_it_says_and_an_interrupt_ends_it() -> None:
    began = time.monotonic()
    assert wait.hold(0.15) == 0.15
    assert time.monotonic() - began >= 0.15
    threading.Timer(0.1, _interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        wait.hold(LONG_S)


def _interrupt() -> None:
    import _thread  # noqa: PLC0415

    _thread.interrupt_main()


def test_no_target_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(where.VARIABLE, "nowhere:at all")
    with pytest.raises(BadInput, match="no target is called 'nowhere'"):
        processes.running("api")


def test_who_answers_and_is_not_known_to_run_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As between a container's first answer and its kubelet's word that it runs."""
    fake = FakeTarget(running={"a-1": "1:1", "a-2": None})
    monkeypatch.setattr(http, "target", lambda: fake)
    monkeypatch.setattr(http, "ask_node", lambda *_: Answer(200, b""))
    with pytest.raises(TargetError, match="every node of a to answer"):
        http.await_every("a", timeout_s=0.2)
    fake.running["a-2"] = "2:2"
    assert http.await_every("a", timeout_s=LONG_S) == 2
