"""A lab of containers before anything is there: pure logic. What runs is tried in tests/test_containers.py."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from targets.boxes import image, layout
from targets.lab.layout import PARTS
from targets.lab.roles.common import Config
from targets.places import ROOT

DOORS = {part.name: 20000 + at for at, part in enumerate(PARTS) if part.serves} | {"api": 20100}
PLAN = layout.Plan(lab="abc", net="10.201.7", doors=DOORS)


def test_every_node_has_an_address_of_its_own() -> None:
    addresses = {PLAN.address(part.name) for part in PARTS} | {PLAN.front}
    assert len(addresses) == len(PARTS) + 1
    assert all(address.startswith("10.201.7.") for address in addresses)


def test_a_node_reaches_all_others_through_the_front() -> None:
    for part in PARTS:
        config = Config(**json.loads(PLAN.node(part.name)))
        assert {door.rpartition(":")[0] for door in config.doors.values()} == {PLAN.front}
        assert all(PLAN.front in url and "127.0.0.1" not in url for url in config.urls.values())
        assert bool(config.port) == part.serves


def test_the_front_knows_who_calls_and_where_each_door_leads() -> None:
    known = json.loads(PLAN.switchboard())
    assert known["callers"] == {PLAN.address(part.name): part.name for part in PARTS}
    assert set(known["doors"]) == set(DOORS)
    assert set(known["doors"]["api"][1]) == {"api-1", "api-2"}  # spare ones are added when the API is scaled up
    assert known["doors"]["postgres-b"] == [DOORS["postgres-b"], {"postgres-b": f"{PLAN.address('postgres-b')}:5432"}]


def test_an_owner_is_known_by_more_than_its_pid() -> None:
    assert not layout.is_dead(layout.owner())
    assert layout.is_dead(f"{os.getpid()}:1")
    assert layout.is_dead("")
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    assert layout.is_dead(f"{ended.pid}:0")


def test_free_ports_are_free_and_differ() -> None:
    found = layout.free_ports(("a", "b", "c"))
    assert len(set(found.values())) == 3


def test_the_image_has_the_servers_that_the_checkout_asks_for() -> None:
    wanted = "\n".join(image.requirements())
    assert all(name in wanted for name in image.PACKAGES)
    assert "pytest" not in wanted
    assert image._hash() == image._hash()


@pytest.mark.parametrize("argv", [["pytest", "drills/", "--target", "containers"], ["targets", "up", "containers"]])
def test_without_an_engine_there_is_one_line_with_the_cure(argv: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nobody", "DRILLYARD_STATE": str(tmp_path)}
    words = [sys.executable, "-m", *argv]
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    said = ran.stdout + ran.stderr
    assert ran.returncode == 2
    assert said.count("no Docker engine answers") == 1
    assert "start Docker and see that `docker info` works for this user, or name its socket in DOCKER_HOST" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("argv", [["list"], ["down", "local:/nowhere"]])
def test_an_engine_that_does_not_answer_keeps_nobody_from_the_embedded_labs(argv: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nobody", "TMPDIR": str(tmp_path)}
    words = [sys.executable, "-m", "targets", *argv]
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "o lab is up" in ran.stdout
