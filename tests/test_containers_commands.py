"""Commands in a container that ends again and again, and who is in one, on a real Docker engine."""

import secrets
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.models.containers import Container

from targets.boxes import build, commands, engine, here, image
from targets.target import Unable
from targets.waiting import until

PATIENCE_S = 60.0
LAB, NODE = f"test-{secrets.token_hex(4)}", "api-1"
FORKS = "import os, time; os.fork(); os.fork(); time.sleep(600)"


def started(program: str) -> Container:
    try:
        docker = engine.client()
    except Unable as lacks:
        pytest.skip(str(lacks))
    argv, name = ["python3", "-c", program], build.container(LAB, NODE)
    return docker.containers.run(
        image.find(None, print), argv, name=name, detach=True, restart_policy={"Name": "always"}, network_mode="none"
    )


@pytest.fixture
def ending() -> Iterator[Container]:
    box = started("import time; time.sleep(0.4)")
    yield box
    box.remove(force=True)


@pytest.fixture
def forked() -> Iterator[Container]:
    box = started(FORKS)
    yield box
    box.remove(force=True)


@pytest.mark.usefixtures("ending")
def test_a_command_comes_to_its_end_or_its_container_does_not_run() -> None:
    seen = Counter[str]()
    while seen["it did not run"] < 3 or seen["cut off"] < 3:
        try:
            assert commands.inside(LAB, NODE, ["sleep", "0.1"]) == (0, "", "")
            seen["whole"] += 1
        except commands.NotRunning as why:
            seen["cut off" if "ended before sleep did" in str(why) else "it did not run"] += 1


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(("script", "code"), [("kill -KILL $$", 137), ("exit 126", 126)])
def test_of_one_that_runs_on_the_code_is_the_commands_own(script: str, code: int) -> None:
    assert commands.inside(LAB, NODE, ["sh", "-c", script]) == (code, "", "")


@pytest.mark.parametrize("by_group", [True, False])
def test_who_is_in_it_is_listed(
    forked: Container, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, by_group: bool
) -> None:
    box = str(forked.id)
    if not here.processes([box]):
        pytest.skip("the engine is not on this machine, or its processes are not ours to see")
    until(lambda: len(here.processes([box])[box]) == 4, PATIENCE_S, "it to have forked")
    if not by_group:  # a machine that keeps its control groups elsewhere
        monkeypatch.setattr(here, "_GROUPS", tmp_path)
    listed = here.lister(box)
    monkeypatch.undo()
    with monkeypatch.context() as patch:
        if by_group:
            patch.setattr(here, "processes", lambda _: pytest.fail("all processes are looked through"))
        first, *others = listed()
        assert first < min(others)
        assert len(others) == 3
        here.send(signal.SIGSTOP, box, others)
        until(lambda: here.stopped(others), PATIENCE_S, "them to stop")
        assert not here.stopped([first])
        here.send(signal.SIGKILL, box, [first, *others])
        until(lambda: not listed(), PATIENCE_S, "it to be empty")
