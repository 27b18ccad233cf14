"""A drill whose faults were put back by somebody else does no more: no recovery, and no verdict but `unknown`."""

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil
import pytest

from experiments import run
from experiments.recovery import postgres, workloads
from reports.outcome import Outcome
from rollback import guard, journal
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.session import Overtaken
from targets import local, where
from targets.lab.target import LocalTarget
from targets.rules import Rule
from targets.target import Node
from targets.waiting import until
from tests.fakes import FakeTarget, install

Drill = Callable[..., Outcome]
PATIENCE_S = 60.0
HELD_S = 2.0  # an old primary that does not wait leads long before
ALONE_S = 10.0  # one that asks two peers in vain and then goes on alone leads before
STREAMING = "select count(*) from pg_stat_replication where state = 'streaming'"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[guard.Session]:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path_factory.mktemp("state")))
    with guard.Session(permit=Permit(), drill="a-drill") as opened:
        yield opened


@pytest.mark.parametrize("by", ["watchdog: expired", "by hand by somebody"])
def test_what_another_put_back_ends_the_drill_and_not_the_next_one(
    session: guard.Session, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    install(monkeypatch, target := FakeTarget())
    record = guard.inject(session, target, "partition", source="a", destination="c")
    session.check()
    stopping.stop(by=by)
    with pytest.raises(guard.Overtaken, match=f"its partition was put back while it went on .{by}"):
        session.check()
    assert journal.find(record.id)
    session.begin(drill="the-next", severity="", folder=journal.home())
    session.check()


def test_what_it_put_back_itself_does_not(session: guard.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, target := FakeTarget())
    guard.inject(session, target, "partition", source="a", destination="c")
    session.stop(by="rollback", only="kill")
    session.check()
    session.stop(by="rollback")
    session.check()


@pytest.fixture(scope="module")
def lab() -> Iterator[LocalTarget]:
    """Give a lab of our own: the others' primary is to stay who it is."""
    with contextlib.closing(local.create()) as own:
        yield own


def test_a_runbook_that_was_overtaken_promotes_nobody(
    session: guard.Session, lab: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the harness is frozen between its look and the promotion, for longer than its fault may last."""
    (primary,) = lab.nodes("postgres", "primary")
    standbys = lab.nodes("postgres", "standby")
    monkeypatch.setattr(where, "_ask_first", [session.check])
    record = guard.inject(session, lab, "kill", component="postgres", role="primary", expires_after_s=0.2)
    deadline = time.monotonic() + PATIENCE_S
    while (found := journal.find(record.id)) is None or found.healed_at_ns is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(guard.Overtaken, match="watchdog: expired"):
        postgres._make_primary(standbys[0], standbys)
    assert [node.name for node in lab.nodes("postgres", "primary")] == [primary.name]


@contextlib.contextmanager
def held_promotion(lab: LocalTarget, standby: Node) -> Iterator[None]:
    """Have a standby promoted, whose startup process stands still: it has heard of it and does not lead yet."""
    home = str(lab.folder / standby.name)
    (startup,) = [
        one
        for one in psutil.process_iter(["cwd", "cmdline"])
        if (one.info["cwd"] or "").startswith(home) and ": startup " in " ".join(one.info["cmdline"] or [])
    ]
    startup.suspend()
    try:
        postgres._ask(standby, "select pg_promote(false)")
        yield
    finally:
        startup.resume()


def test_an_old_primary_started_in_the_middle_of_a_promotion_follows(lab: LocalTarget) -> None:
    """As when the harness dies in the middle of its runbook, and the watchdog starts what was killed."""
    (old,) = lab.nodes("postgres", "primary")
    best = lab.nodes("postgres", "standby")[0]
    lab.kill(old.name, lab.incarnation(old.name) or "", for_good=True)
    with ThreadPoolExecutor(1) as pool:
        with held_promotion(lab, best):
            started = pool.submit(lab.start, old.name)
            time.sleep(HELD_S)
            assert not started.done()
            assert lab.nodes("postgres", "primary") == ()
        started.result(PATIENCE_S)
    until(lambda: not postgres._ask(best, "select pg_is_in_recovery()"), PATIENCE_S, "the promotion")
    assert [node.name for node in lab.nodes("postgres", "primary")] == [best.name]
    until(lambda: postgres._ask(best, STREAMING) == 2, PATIENCE_S, "full redundancy")


def test_an_old_primary_that_reaches_nobody_waits_until_it_does(lab: LocalTarget) -> None:
    """As when its host has its power back before its network: somebody may have been promoted meanwhile."""
    (old,), others = (lab.nodes("postgres", role) for role in ("primary", "standby"))
    away = Rule(id="partition-away", sources=(old.name,), destinations=tuple(o.name for o in others), mode="drop")
    lab.kill(old.name, lab.incarnation(old.name) or "", for_good=True)
    lab.cut(away)
    with ThreadPoolExecutor(1) as pool:
        try:
            started = pool.submit(lab.start, old.name)
            time.sleep(ALONE_S)
            assert not started.done()
            assert lab.nodes("postgres", "primary") == ()
        finally:
            lab.uncut(away.id)
        started.result(PATIENCE_S)
    assert [node.name for node in lab.nodes("postgres", "primary")] == [old.name]
    until(lambda: postgres._ask(old, STREAMING) == 2, PATIENCE_S, "full redundancy")


def test_a_drill_that_was_overtaken_is_unknown(drill: Drill) -> None:
    script = copy.deepcopy(run.load("postgres-primary-killed"))
    script["method"][0]["provider"]["arguments"]["expires_after_s"] = 0.2
    wait = {"type": "python", "module": "probes.wait", "func": "hold", "arguments": {"seconds": 3}}
    script["method"].insert(1, {"type": "probe", "name": "think for too long", "provider": wait})
    outcome = drill(script, component="postgres", rto="30 s")
    assert outcome.verdict == "unknown"
    assert outcome.why[0].startswith("overtaken: its kill was put back while it went on (watchdog: expired)")


class _Lost:
    """Workloads on a host that is dead."""

    def nodes(self, _: str) -> tuple[Node, ...]:
        return (Node(name="web-1", component="web", zone="dark"),)

    def hosts(self) -> dict[str, str]:
        return {"web-1": "dead"}

    def unheard(self) -> frozenset[str]:
        return frozenset({"dead"})

    def blocking(self, _: str) -> tuple[str, ...]:
        return ("partition-1",)

    def act(self, *_: object) -> None:
        raise AssertionError("it acted")

    def closed(self) -> frozenset[str]:
        return frozenset()

    def drainable(self, _: object) -> None:
        pass

    restart = forsake = unblock = has_all = drain = reopen = act


@pytest.mark.parametrize(
    "runbook",
    [workloads.give_up_hosts, partial(workloads.leave_zone, zone="dark"), workloads.restart, workloads.unblock],
)
def test_what_cannot_be_taken_back_is_not_done_once_it_may_not_be(
    monkeypatch: pytest.MonkeyPatch, runbook: Callable[[str], object]
) -> None:
    def may_not() -> None:
        raise Overtaken("put back")

    monkeypatch.setattr(where, "target", _Lost)
    monkeypatch.setattr(where, "_ask_first", [may_not])
    with pytest.raises(Overtaken, match="put back"):
        runbook("web")
