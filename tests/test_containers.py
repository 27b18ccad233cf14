"""The lab as containers, on a real Docker engine: every ability, and that nothing is left."""

from collections.abc import Iterator

import psycopg
import pytest

from experiments.faults import _recovery, fill
from targets import containers
from targets.abilities import (
    Configurable,
    Confined,
    Deployable,
    Enqueueable,
    Erasable,
    Keyed,
    Killable,
    Loadable,
    Partitionable,
    Pausable,
    Scalable,
    Skewable,
    Unpluggable,
)
from targets.boxes import build, engine
from targets.boxes.target import ContainersTarget
from targets.lab.host import PORTS
from targets.rules import Rule
from targets.target import BadInput, Node, TargetGone, Unable, VictimGone, attach
from targets.waiting import until

PATIENCE_S = 60.0
ABILITIES = (
    *(Killable, Erasable, Pausable, Configurable, Deployable, Scalable, Skewable, Partitionable, Loadable, Confined),
    *(Keyed, Enqueueable, Unpluggable),
)


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    try:
        engine.client()
    except Unable as lacks:
        pytest.skip(str(lacks))


@pytest.fixture(scope="module")
def lab() -> Iterator[ContainersTarget]:
    with_everything = containers.create()
    yield with_everything
    with_everything.close()


def running(lab: ContainersTarget, node: str) -> str:
    found = lab.incarnation(node)
    assert found is not None
    return found


def test_it_can_do_what_the_embedded_lab_can(lab: ContainersTarget) -> None:
    assert [ability.__name__ for ability in ABILITIES if not isinstance(lab, ability)] == []
    assert [node.role for node in lab.nodes("postgres")].count("primary") == 1
    assert [node.role for node in lab.nodes("redis")].count("master") == 1
    assert lab.down() == ()
    assert lab.paused() == lab.cuts() == lab.loads() == lab.lost() == frozenset()
    assert lab.resized() == lab.strayed() == ()
    assert lab.skewed() == {}


def test_any_process_can_open_it(lab: ContainersTarget) -> None:
    assert attach(lab.address).endpoint("postgres") == lab.endpoint("postgres")
    with pytest.raises(TargetGone, match="no lab is up there"):
        attach("containers:nobody")
    with pytest.raises(BadInput, match="a running lab is named containers:LAB"):
        attach("containers:")


def test_a_killed_replica_is_restarted_and_a_lost_host_stays_down(lab: ContainersTarget) -> None:
    before = running(lab, "api-1")
    lab.kill("api-1", before)
    until(lambda: lab.incarnation("api-1") not in (None, before), PATIENCE_S, "api-1 to be restarted")
    with pytest.raises(VictimGone):
        lab.kill("api-1", before)
    lab.kill("api-2", running(lab, "api-2"), for_good=True)
    assert lab.down() == ("api-2",)
    lab.start("api-2")
    lab.start("api-2")
    assert lab.down() == ()


def test_a_database_is_shut_down_in_order(lab: ContainersTarget) -> None:
    (standby, *_) = lab.nodes("postgres", "standby")
    lab.kill(standby.name, running(lab, standby.name), grace_s=20)
    said = lab.run(standby, ["pg_controldata", "-D", "data"], timeout=20)  # of a node that does not run
    assert "shut down in recovery" in said.out
    lab.start(standby.name)


def test_frozen_and_let_go(lab: ContainersTarget) -> None:
    lab.pause("redis-c", running(lab, "redis-c"))
    assert lab.paused() == {"redis-c"}
    lab.resume("redis-c")
    assert lab.paused() == frozenset()


@pytest.mark.parametrize("direction", ["both", "there", "back"])
def test_cut_by_the_kernel_and_healed(lab: ContainersTarget, direction: str) -> None:
    rule = Rule(id=f"t-{direction}", sources=("api-1",), destinations=("postgres-a",), mode="drop", direction=direction)
    assert "nftables" in lab.means(rule)
    api, ask = Node(name="api-1", component="api"), ["python3", "-c", _connects(lab)]
    assert lab.run(api, ask, timeout=20).out.strip() == "open"
    lab.cut(rule)
    assert lab.cuts() == {rule.id}
    assert lab.run(api, ask, timeout=20).out.strip() == "silent"
    lab.uncut(rule.id)
    lab.uncut(rule.id)
    assert lab.cuts() == frozenset()
    assert lab.run(api, ask, timeout=20).out.strip() == "open"
    assert "rule_" not in lab.run(api, ["nft", "list", "tables"], timeout=20).out


def test_unplugged_and_plugged_in_again(lab: ContainersTarget) -> None:
    plugs = lab.plugs("postgres-a")
    api, ask = Node(name="api-1", component="api"), ["python3", "-c", _reaches(lab)]
    assert lab.run(api, ask, timeout=20).out.strip() == "yes"
    lab.unplug("postgres-a", plugs)
    lab.unplug("postgres-a", plugs)
    assert lab.unplugged() == {"postgres-a"}
    assert lab.run(api, ask, timeout=20).out.strip() == "no"
    assert "docker network connect --ip" in lab.spelled("plug", "postgres-a", plugs)[0]
    lab.plug("postgres-a", plugs)
    lab.plug("postgres-a", plugs)
    assert lab.unplugged() == frozenset()
    assert lab.plugs("postgres-a") == plugs
    assert lab.run(api, ask, timeout=20).out.strip() == "yes"


def _reaches(lab: ContainersTarget) -> str:
    """Ask the server itself at its own address, not at its door, which is the front's."""
    (plug,) = lab.plugs("postgres-a")
    return (
        "import socket\n"
        f"try: socket.create_connection(({plug['address']!r}, {PORTS['postgres']}), timeout=1); print('yes')\n"
        "except OSError: print('no')"
    )


def _connects(lab: ContainersTarget) -> str:
    inside = next(node.inside for node in lab.nodes("postgres") if node.name == "postgres-a")
    host, _, port = inside.rpartition(":")
    return (
        "import socket\n"
        f"try: socket.create_connection(({host!r}, {port}), timeout=1); print('open')\n"
        "except TimeoutError: print('silent')"
    )


def test_settings_survive_a_node_that_is_down(lab: ContainersTarget) -> None:
    (standby, *_) = lab.nodes("postgres", "standby")
    lab.configure(standby.name, "work_mem", "5MB")
    assert lab.setting(standby.name, "work_mem") == "5MB"
    assert len(lab.overrides()) == 1
    lab.kill(standby.name, running(lab, standby.name), for_good=True)
    lab.configure(standby.name, "work_mem", None)
    assert lab.overrides() == frozenset()
    lab.start(standby.name)


def test_releases_clocks_sizes(lab: ContainersTarget) -> None:
    lab.deploy("api-2", "crashing")
    assert lab.strayed() == ("api-2",)
    lab.deploy("api-2", "stable")
    assert lab.releases("api-2")[-1] == "stable"
    lab.start("api-2")
    (standby, *_) = lab.nodes("postgres", "standby")
    lab.skew(standby.name, 3600)
    assert lab.skewed() == {standby.name: 3600}
    lab.skew(standby.name, 0)
    assert lab.skewed() == {}
    lab.scale("api", 3)
    assert lab.resized() == ("api",)
    lab.scale("api", 2)
    assert lab.resized() == ()


def test_a_scaling_that_was_broken_off_is_undone(lab: ContainersTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(lab, "_add", lab.start)  # whoever scaled died before the door led there
        lab.scale("api", 3)
    assert containers.attach(lab.address).scaled("api") == 3
    assert lab.resized() == ("api",)
    lab.scale("api", 2)
    assert lab.resized() == ()
    assert lab.incarnation("api-3") is None


def test_one_that_has_only_begun_is_seen(lab: ContainersTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_: str) -> None:
        raise TargetGone("as its harness")

    with monkeypatch.context() as patch:
        patch.setattr(lab, "_add", dies)
        with pytest.raises(TargetGone):
            lab.scale("api", 3)
    assert lab.resized() == ("api",)
    lab.scale("api", 3)
    assert lab.incarnation("api-3")
    lab.scale("api", 2)
    assert lab.resized() == ()


def test_lost_data_is_copied_anew(lab: ContainersTarget) -> None:
    (standby, *_) = lab.nodes("postgres", "standby")
    lab.lose(standby.name, running(lab, standby.name))
    assert lab.lost() == {standby.name}
    lab.start(standby.name)
    assert lab.lost() == frozenset()


def test_a_recovery_that_never_ends_is_ended(lab: ContainersTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_recovery, "ENDS_WITHIN_S", 2.0)
    plan = fill.plan(lab, component="postgres", role="standby", count=1)
    (node,) = [each for each in lab.nodes("postgres", "standby") if each.name in plan["victims"]]
    hangs_once = "alter system set restore_command = 'mkdir once && exec sleep 1000'"
    assert lab.run(node, ["psql", "-Xc", hangs_once], timeout=20).code == 0
    lab.kill(node.name, running(lab, node.name))
    engine.client().api.start(build.container(lab.lab, node.name))
    until(lambda: lab.run(node, ["pg_isready"], timeout=20).code == _recovery.NOT_READY, PATIENCE_S, "it to recover")
    hanging = running(lab, node.name)
    fill.heal(lab, plan)
    assert running(lab, node.name) != hanging
    assert lab.run(node, ["psql", "-Xc", "alter system reset restore_command"], timeout=20).code == 0


def test_one_without_its_recovering_process_is_not_waited_for(
    lab: ContainersTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_recovery, "ENDS_WITHIN_S", 600.0)
    plan = fill.plan(lab, component="postgres", role="primary")
    (node,) = lab.nodes("postgres", "primary")
    abandoned = running(lab, node.name)
    with psycopg.connect(node.endpoint):
        assert lab.run(node, ["sh", "-c", "kill -TERM $(head -n 1 data/postmaster.pid)"], timeout=20).code == 0
        until(lambda: lab.run(node, ["pg_isready"], timeout=20).code == _recovery.NOT_READY, PATIENCE_S, "nobody else")
        fill.heal(lab, plan)
    assert running(lab, node.name) != abandoned


def test_loads_and_room(lab: ContainersTarget) -> None:
    lab.load("api-1", load_id="stress-t", kind="cpu", workers=2, seconds=60)
    until(lambda: lab.loading("stress-t") == 2, PATIENCE_S, "two programs at work")
    assert lab.loads() == {"stress-t"}
    lab.unload("stress-t")
    until(lambda: lab.loading("stress-t") == 0, PATIENCE_S, "the programs to end")
    assert 0 < lab.room("postgres-a") <= 256 << 20
