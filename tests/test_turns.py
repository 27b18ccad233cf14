"""Workers whose labs have too few cores to be drilled at the same time take turns."""

import os
from pathlib import Path
from typing import cast

import pytest

from drills.harness import workers
from rollback import lockfile
from targets import places

LAB = "containers:0a1b2c3d"


class _Worker:
    def __init__(self, number: int) -> None:
        self.workerinput = {"workerid": f"gw{number}"}


def _turns(monkeypatch: pytest.MonkeyPatch, *, cores: int, address: str = LAB, count: int = 4) -> list[str]:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    return [workers.turn(cast("pytest.Config", _Worker(number)), address) for number in range(count)]


def test_two_labs_of_containers_share_two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(_turns(monkeypatch, cores=2)) == {"2 cores of this machine (1 of 1)"}
    assert len(set(_turns(monkeypatch, cores=1))) == 1


def test_with_cores_enough_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(set(_turns(monkeypatch, cores=8))) == 4
    assert len(set(_turns(monkeypatch, cores=4))) == 2


def test_whoever_is_alone_or_not_in_containers_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(_turns(monkeypatch, cores=1, address="local:/tmp/lab"))
    assert workers.turn(cast("pytest.Config", object()), LAB) == ""


def test_a_lab_comes_and_goes_in_its_turn_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path))
    worker = cast("pytest.Config", _Worker(0))
    (name, *_) = set(_turns(monkeypatch, cores=2))
    with workers.alone(worker, LAB, "a lab goes"):
        assert lockfile.locked(places.lock_file(name)) is None, "somebody else could have it"
    free = lockfile.locked(places.lock_file(name))
    assert free is not None
    lockfile.unlock(places.lock_file(name), free)
    assert not places.lock_file(name).exists()
