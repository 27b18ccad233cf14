"""The volumes of the lab's PostgreSQL nodes: they fill up for real, and are nobody else's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from experiments import faults
from experiments.faults import _recovery
from probes import postgres
from targets import local, where
from targets.lab import control, loads, spaces, volumes
from targets.lab.target import LocalTarget
from targets.target import BadInput, TargetError, Unable
from tests import namespaces
from tests.test_lab import order, sql, until

ENOSPC = "No space left on device"


@pytest.fixture(scope="module")
def made() -> Iterator[LocalTarget]:
    built = local.create()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(where.VARIABLE, built.address)
        yield built
    built.close()


@pytest.fixture
def lab(made: LocalTarget) -> LocalTarget:
    if lacks := made.room_lacks():
        pytest.skip(lacks)
    return made


def mounts(folder: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(folder) in line]


def free_mb(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >> 20


def test_each_node_has_one_that_nobody_outside_sees(lab: LocalTarget) -> None:
    for node in lab.nodes("postgres"):
        assert 0 < lab.room(node.name) >> 20 <= volumes.MEGABYTES
        assert sql(node, "select count(*) > 0 from pg_ls_waldir()") == [(True,)]
        assert list((lab.folder / node.name / volumes.NAME).iterdir()) == []
    assert mounts(lab.folder) == []
    assert namespaces.ours("mnt") not in namespaces.used_by(lab.folder, "mnt")
    with pytest.raises(BadInput, match="redis-a has no volume of its own"):
        lab.room("redis-a")


def test_a_full_one_stops_its_server_and_nobody_else(lab: LocalTarget) -> None:
    fill, shared_mb = faults.load("fill"), free_mb(lab.folder)
    plan = fill.plan(lab, component="postgres", role="primary")
    (victim,) = plan["victims"]
    log = lab.folder / victim / "log"
    before = log.stat().st_size
    assert order(lab, "full", 1) == 201
    fill.inject(lab, plan)
    until(lambda: lab.incarnation(victim) is None, "without room it cannot even recover")
    said = log.read_bytes()[before:].decode()
    assert "PANIC" in said
    assert said.count(ENOSPC) >= 2, "once in its work, once in its recovery"
    assert lab.room(victim) == 0
    assert all(lab.room(node.name) for node in lab.nodes("postgres", "standby"))
    assert free_mb(lab.folder) > shared_mb / 2, "the machine's disk is left alone"
    fill.heal(lab, plan)
    assert lab.room(victim) >> 20 > volumes.MEGABYTES // 2
    until(lambda: order(lab, "full", 2) == 201, "writes come back")
    assert postgres.await_standbys(2, 30)["standbys"] == 2
    (primary,) = lab.nodes("postgres", "primary")
    assert primary.name == victim
    assert sql(primary, "select seq from orders where ledger = 'full' order by 1") == [(1,), (2,)]


def test_a_full_standby_goes_on_answering_and_catches_up(lab: LocalTarget) -> None:
    fill = faults.load("fill")
    plan = fill.plan(lab, component="postgres", role="standby", count=1)
    (victim,) = plan["victims"]
    fill.inject(lab, plan)
    (primary,) = lab.nodes("postgres", "primary")
    sql(primary, "select pg_logical_emit_message(false, 'x', repeat('x', 1000000)) from generate_series(1, 4)")
    until(lambda: postgres.streaming_standbys() == 1, "it cannot take what the primary sends")
    (node,) = [each for each in lab.nodes("postgres", "standby") if each.name == victim]
    assert sql(node, "select 1") == [(1,)]
    fill.heal(lab, plan)
    assert postgres.await_standbys(2, 30)["standbys"] == 2
    assert postgres.catch_up_s(30) < 30


def test_one_that_never_ends_its_recovery_is_killed_and_started(
    lab: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_recovery, "ENDS_WITHIN_S", 2.0)
    fill = faults.load("fill")
    plan = fill.plan(lab, component="postgres", role="standby", count=1)
    (victim,) = plan["victims"]
    (node,) = [each for each in lab.nodes("postgres", "standby") if each.name == victim]
    hangs_once = "mkdir once && exec sleep 1000"
    assert lab.run(node, ["psql", "-Xc", f"alter system set restore_command = '{hangs_once}'"], timeout=10).code == 0
    lab.kill(victim, str(lab.incarnation(victim)))
    with pytest.raises(TargetError, match="does not serve"):
        control.ask(lab.folder, {"do": "nodes.start", "node": victim, "within": 1.0}, timeout=30)
    hanging = lab.incarnation(victim)
    assert lab.run(node, ["pg_isready"], timeout=10).code == _recovery.NOT_READY
    fill.heal(lab, plan)
    assert lab.incarnation(victim) not in (None, hanging)
    assert sql(node, "select 1") == [(1,)]
    assert lab.run(node, ["psql", "-Xc", "alter system reset restore_command"], timeout=10).code == 0
    assert postgres.await_standbys(2, 30)["standbys"] == 2


def test_one_without_its_recovering_process_is_not_waited_for(
    lab: LocalTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is shutting down with a session open is like that for good: it writes on, and takes nobody."""
    monkeypatch.setattr(_recovery, "ENDS_WITHIN_S", 600.0)  # longer than this test may last
    fill = faults.load("fill")
    plan = fill.plan(lab, component="postgres", role="primary")
    (node,) = lab.nodes("postgres", "primary")
    abandoned = lab.incarnation(node.name)
    with psycopg.connect(node.endpoint, autocommit=True) as session:
        assert lab.run(node, ["sh", "-c", "kill -TERM $(head -n 1 data/postmaster.pid)"], timeout=10).code == 0
        until(lambda: lab.run(node, ["pg_isready"], timeout=10).code == _recovery.NOT_READY, "it takes nobody else")
        assert session.execute("select 1").fetchone() == (1,)
        fill.heal(lab, plan)
    assert lab.incarnation(node.name) not in (None, abandoned)
    assert sql(node, "select 1") == [(1,)]
    assert postgres.await_standbys(2, 30)["standbys"] == 2


def test_one_that_recovers_is_waited_for(lab: LocalTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = faults.load("fill").plan(lab, component="postgres", role="standby", count=1)
    (node,) = [each for each in lab.nodes("postgres", "standby") if each.name in plan["victims"]]
    seconds = 5 * _recovery.LOOKS * _recovery.ASKS_EVERY_S
    slow = f"mkdir slow_once && sleep {seconds}; false"
    assert lab.run(node, ["psql", "-Xc", f"alter system set restore_command = '{slow}'"], timeout=10).code == 0
    lab.kill(node.name, str(lab.incarnation(node.name)))
    with pytest.raises(TargetError, match="does not serve"):
        control.ask(lab.folder, {"do": "nodes.start", "node": node.name, "within": 0.5}, timeout=30)
    recovering = lab.incarnation(node.name)
    assert lab.run(node, ["pg_isready"], timeout=10).code == _recovery.NOT_READY
    faults.load("fill").heal(lab, plan)
    assert lab.incarnation(node.name) == recovering
    assert lab.run(node, ["psql", "-Xc", "alter system reset restore_command"], timeout=10).code == 0
    assert postgres.await_standbys(2, 30)["standbys"] == 2


def test_a_folder_on_a_shared_disk_is_never_filled(tmp_path: Path) -> None:
    (tmp_path / volumes.NAME).mkdir()
    program = [sys.executable, "-I", "-S", str(loads.PROGRAMS / "space.py"), "5"]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("is no volume of the lab's own; nothing was filled\n")


def test_more_than_half_of_the_memory_is_never_taken(lab: LocalTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("experiments.faults._memory.SAFE_SHARE", 1e-6)
    with pytest.raises(BadInput, match=r"fill: \d+ megabytes are more than"):
        faults.load("fill").plan(lab, component="postgres", role="primary")


def test_where_none_can_be_made_the_fault_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(spaces.SWITCH, "links")
    lab = local.create()
    try:
        with pytest.raises(Unable, match=f"cannot fill a disk that is one node's alone: {spaces.SWITCH}=links"):
            faults.load("fill").plan(lab, component="postgres", role="primary")
        with pytest.raises(BadInput, match=r"postgres-a has no volume of its own: .* unset it"):
            lab.room("postgres-a")
        assert namespaces.used_by(lab.folder, "mnt") == {namespaces.ours("mnt")}
        assert order(lab, "without", 1) == 201
    finally:
        lab.close()


def test_none_outlives_its_lab() -> None:
    lab = local.create()
    used = namespaces.used_by(lab.folder, "mnt") - {namespaces.ours("mnt")}
    try:
        if lacks := lab.room_lacks():
            pytest.skip(lacks)
        assert len(used) == 1
        faults.load("fill").inject(lab, faults.load("fill").plan(lab, component="postgres", role="standby"))
    finally:
        lab.close()
    assert not lab.folder.exists()
    until(lambda: not used & namespaces.held("mnt"), "nobody is in its mount namespace any more")
