"""What containers leave on a Docker engine when their owner is killed, and what is kept of images."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from docker.errors import NotFound

from targets.boxes import build, engine, image, layout
from targets.places import ROOT
from targets.target import TargetError, Unable
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


@pytest.fixture
def busy() -> Iterator[tuple[str, Any]]:
    """Give a lab that is nothing but a network, and somebody else's container on it."""
    docker, lab = engine.client(), build.new_id()
    network = docker.networks.create(build.network(lab), labels={layout.LAB: lab})
    user = docker.containers.run(image.find(None, print), ["sleep", "600"], network=network.name, detach=True)
    yield lab, user
    with suppress(NotFound):
        user.remove(force=True)
    build.down(lab)


def test_a_network_that_somebody_is_about_to_leave_is_waited_for(busy: tuple[str, Any]) -> None:
    lab, user = busy
    leaving = threading.Timer(1.0, lambda: user.remove(force=True))
    leaving.start()
    assert build.down(lab) == ()
    leaving.join()
    assert lab not in build.labs()


def test_a_network_on_which_somebody_is_cannot_go(busy: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    lab, _ = busy
    monkeypatch.setattr(build, "LEAVES_WITHIN_S", 0.2)
    with pytest.raises(TargetError, match="has active endpoints"):
        build.down(lab)
    assert lab not in build.standing(), "no container of the lab is there"


def test_an_engine_that_has_miscounted_does_not_fail_the_end(
    busy: tuple[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, _ = busy
    monkeypatch.setattr(build, "LEAVES_WITHIN_S", 0.2)
    monkeypatch.setattr(build, "_users", lambda _: False)  # as it says when it counts users that are not there
    assert "has active endpoints" in build.down(lab)[0]
