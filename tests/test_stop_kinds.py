"""Every fault is of one kind, and tells how it is put back by hand: commands that really do it, on the real lab."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import faults
from rollback import byhand, guard
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Injection
from targets.target import Target
from tests.conformance import tried

LOW_LEVEL = {"pause": "kill -CONT ", "misconfigure": "alter system reset synchronous_commit"}


@pytest.mark.parametrize("name", faults.names())
def test_every_fault_says_of_which_kind_it_is(name: str) -> None:
    assert faults.load(name).KIND in faults.KINDS


def test_an_unknown_fault_is_of_the_rest() -> None:
    assert faults.kind("meteor") == "other"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[guard.Session]:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    with guard.Session(permit=Permit()) as opened:
        yield opened


@pytest.mark.parametrize("name", faults.names())
def test_its_commands_put_it_back_without_the_stop(name: str, session: guard.Session, target: Target) -> None:
    tried.planned(name, target)
    record = guard.inject(session, target, name, **tried.params(name))
    *commands, down = byhand.commands(record)
    assert down.endswith(f"-m targets down {target.address}")
    assert commands
    assert LOW_LEVEL.get(name, "") in commands[0]
    for command in commands:
        ran = subprocess.run(["/bin/sh", "-c", command], cwd="/", capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
    assert faults.load(name).active(target, record.plan) is not True
    assert stopping.residue(target) == []
    assert [healed.id for healed in session.stop(by="test").healed] == [record.id]


def test_what_keeps_others_from_coming_back_goes_first(
    session: guard.Session, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the rest the newest: a node that was killed under a changed setting has to run before that can be undone."""
    for name in ("misconfigure", "partition", "kill"):
        guard.inject(session, target, name, **tried.params(name))
    undone: list[str] = []
    really = stopping._heal_and_look

    def seen(record: Injection) -> list[str]:
        undone.append(record.fault)
        return really(record)

    monkeypatch.setattr(stopping, "_heal_and_look", seen)
    assert not session.stop(by="test").failed
    assert undone == ["partition", "kill", "misconfigure"]


def test_a_cut_by_the_kernel_is_taken_away_in_its_namespace(session: guard.Session, target: Target) -> None:
    record = guard.inject(session, target, "partition", source="api", destination="redis")
    if "nftables" not in record.plan["by"]:
        pytest.skip("network namespaces are not permitted here: the lab's links keep the cut")
    commands = byhand.commands(record)[:-1]
    assert all("nsenter" in each and "nft delete table inet rule_partition_" in each for each in commands)
    assert len(commands) == len(record.plan["victims"])
    assert session.stop(by="test").failed == ()


def test_a_target_that_cannot_be_opened_leaves_the_last_resort(session: guard.Session, target: Target) -> None:
    record = guard.inject(session, target, "partition", source="api", destination="redis")
    (healed,) = session.stop(by="test").healed
    gone = replace(healed, target="local:/nowhere")
    assert [each.rpartition(" ")[2] for each in byhand.commands(gone)] == ["local:/nowhere"]
    assert byhand.commands(replace(record, target="meteor:one")) == ("look at meteor:one yourself",)
