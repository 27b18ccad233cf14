"""What the PostgreSQL faults do to real servers, beyond the contract that every fault keeps."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments import faults
from probes import postgres
from targets import where
from targets.abilities import Erasable, Skewable
from targets.lab.target import LocalTarget
from targets.target import BadInput, Target, create

LONG_S = 30.0


@pytest.fixture(scope="module")
def lab() -> Iterator[Target]:
    built = create("local", on_progress=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(where.VARIABLE, built.address)
        yield built
    built.close()


def test_a_leader_is_lost_only_by_name(lab: Target) -> None:
    lose = faults.load("lose")
    with pytest.raises(BadInput, match="postgres-a leads postgres"):
        lose.plan(lab, component="postgres")
    assert lose.plan(lab, component="postgres", role="primary")["victims"] == ["postgres-a"]


def test_a_lost_standby_has_nothing_and_is_built_anew(lab: Target) -> None:
    assert isinstance(lab, Erasable)
    assert isinstance(lab, LocalTarget)
    lose = faults.load("lose")
    plan = lose.plan(lab, component="postgres", role="standby", count=1)
    (victim,) = plan["victims"]
    marker = lab.folder / victim / "data" / "of-the-old-life"
    marker.touch()
    lose.inject(lab, plan)
    assert lab.lost() == {victim}
    assert not marker.parent.exists()
    lose.heal(lab, plan)
    assert lab.lost() == frozenset()
    assert (marker.parent / "PG_VERSION").is_file()
    assert not marker.exists()
    assert postgres.await_standbys(2, LONG_S)["standbys"] == 2


def test_exhausted_sessions_leave_the_planned_number(lab: Target) -> None:
    exhaust = faults.load("exhaust")
    plan = exhaust.plan(lab, component="postgres", role="primary", free=15)
    exhaust.inject(lab, plan)
    assert 1 <= postgres.free_sessions() <= 15
    exhaust.heal(lab, plan)
    assert not exhaust.active(lab, plan)
    with pytest.raises(BadInput, match="redis is not PostgreSQL"):
        exhaust.plan(lab, component="redis")


def test_a_skewed_clock_shows_in_timestamps_and_leaves_nothing(lab: Target) -> None:
    assert isinstance(lab, Skewable)
    skew = faults.load("skew")
    plan = skew.plan(lab, component="postgres", role="standby", count=1, seconds=-7200)
    (victim,) = plan["victims"]
    skew.inject(lab, plan)
    assert lab.skewed() == {victim: -7200}
    with pytest.raises(BadInput, match="is wrong already"):
        skew.plan(lab, component="postgres", role="standby", seconds=60)
    (node,) = [each for each in lab.nodes("postgres") if each.name == victim]
    off = postgres.query(node.endpoint, "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())")
    assert 0 <= off < LONG_S, "both are the wrong clock's"
    assert postgres.await_standbys(2, LONG_S)["standbys"] == 2
    assert postgres.catch_up_s(LONG_S) < LONG_S
    skew.heal(lab, plan)
    assert lab.skewed() == {}
    assert not list(Path("/dev/shm").glob("*faketime*"))
