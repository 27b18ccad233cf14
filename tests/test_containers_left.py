"""What containers leave on a Docker engine when their owner is killed, and what is kept of images."""

import io
import os
import signal
import subprocess
import sys

import pytest

from targets.boxes import build, engine, image
from targets.places import ROOT
from targets.target import Unable
from targets.waiting import until

PATIENCE_S = 60.0


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    try:
        engine.client()
    except Unable as lacks:
        pytest.skip(str(lacks))


def test_old_images_go_and_those_in_use_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "LABEL", label := "drillyard.test")
    monkeypatch.setattr(image, "KEPT", 2)
    docker, base = engine.client(), image.find(None, print)
    tags = [f"{image.NAME}-test:{number}" for number in range(4)]
    for number, tag in enumerate(tags):
        text = io.BytesIO(f"FROM {base}\nLABEL {label}={number}\n".encode())
        docker.images.build(fileobj=text, tag=tag, rm=True)
    user = docker.containers.create(tags[0], ["true"])
    try:
        image._prune()
        assert {tag for each in docker.images.list(filters={"label": label}) for tag in each.tags} == {
            *(tags[0], tags[2], tags[3])
        }
    finally:
        user.remove()
        for tag in (tags[0], tags[2], tags[3]):
            docker.images.remove(tag)
    assert docker.images.list(filters={"label": label}) == []


def test_nothing_is_left_when_its_owner_is_killed() -> None:
    program = "from targets import containers; print(containers.create().address, flush=True); input()"
    owner = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    lab = owner.stdout.readline().strip().partition(":")[2]
    assert lab in build.labs()
    os.kill(owner.pid, signal.SIGKILL)
    owner.communicate()
    until(lambda: lab not in build.labs(), PATIENCE_S, "the keeper to take the lab away")
