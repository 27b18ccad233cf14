"""What is seen while a drill runs: in place on a terminal, in lines in a pipe, never in the way of what is measured."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from drills.harness.screen import Scene, Screen
from probes import handle
from reports import live
from targets.target import Target
from tests.outages import Service
from tests.pseudo import ROOT, Terminal, screen

S = 1_000_000_000
SILENT_S = 2.0
LOOK_S = 0.02


def drills(target: Target, folder: Path) -> list[str]:
    options = ["--target", target.address, "--run-folder", str(folder / "run"), "-k", "master_killed or cut_off"]
    return [sys.executable, "-m", "pytest", "drills/", *options]


@contextmanager
def held_up() -> Iterator[list[float]]:
    """Note by how much this process, which has nothing to do, was held up each time: others may be so, too."""
    over, seen = threading.Event(), [0.0]

    def look() -> None:
        before = time.monotonic()
        while not over.wait(LOOK_S):
            now = time.monotonic()
            seen.append(now - before - LOOK_S)
            before = now

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def test_a_terminal_shows_phases_in_place_and_keeps_one_line_a_drill(target: Target, tmp_path: Path) -> None:
    terminal = Terminal(drills(target, tmp_path), columns=90)
    try:
        with held_up() as delays:
            terminal.read()
    finally:
        terminal.close()
    written, left = terminal.seen.decode(), terminal.lines()
    shown = [
        "steady before",
        "Sentinel promotes a replica",
        "RTO clock running",
        "RTO clock stopped",
        "requests served",
        "recovery",
    ]
    for phase in shown:
        assert phase in written, written
    assert not [line for line in left if "clock" in line or "steady before" in line], left
    for drill in ("cut-off-from-the-primary", "master-killed"):
        assert len([line for line in left if line.startswith(f"  {drill}: met, RTO ")]) == 1, left
    before, after = max(pairwise(terminal.pieces), key=lambda pair: pair[1][0] - pair[0][0])
    assert after[0] - before[0] < SILENT_S + max(delays), (before, after)


def test_a_pipe_gets_plain_lines_and_is_never_silent_for_long(target: Target, tmp_path: Path) -> None:
    with held_up() as delays, subprocess.Popen(drills(target, tmp_path), cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = [(line.decode(), time.monotonic()) for line in process.stdout]
    text = "".join(line for line, _ in lines)
    assert "\x1b" not in text
    assert text.count("master-killed: met, RTO ") == 1
    assert "\n  master-killed: The Redis master is killed" in text
    told = [at for line, at in lines if line.startswith("  ")]
    assert max(b - a for a, b in pairwise(told)) < SILENT_S + max(delays), text


@pytest.mark.parametrize(("t0", "since", "seconds", "running"), [(5 * S, None, 3.0, True), (5 * S, 6 * S, 1.0, False)])
def test_the_clock_runs_from_the_fault_until_callers_are_served(
    t0: int, since: int | None, seconds: float, running: bool
) -> None:
    assert live.clock(8 * S, t0, since) == live.Clock(seconds=seconds, running=running)


def test_the_clock_stands_before_the_fault_and_is_never_negative() -> None:
    assert live.clock(8 * S, None, 2 * S) is None
    assert live.clock(8 * S, 5 * S, 4 * S) == live.Clock(seconds=0, running=False)


@pytest.mark.parametrize("width", [20, 60, 200])
def test_a_picture_fits(width: int) -> None:
    picture = live.Picture(
        title="d" * 30,
        phase="p\x1b[2J\n" * 20,
        phase_s=1.25,
        served=(999, 1000),
        clock=live.Clock(seconds=1, running=True),
        failing="x" * 300,
        rto_s=10,
    )
    lines = screen("\r\n".join(live.drawn(picture, width)))
    assert len(lines) == 2
    assert max(map(len, lines)) < width


def test_nearly_all_is_not_all() -> None:
    picture = live.Picture(title="d", phase="p", phase_s=0, served=(99_999, 100_000))
    assert live.told(picture) == "d: p, 0 s; 99.9 % of 100000 requests served"


def test_figures_answer_while_somebody_waits_and_take_nobody_elses_answer(tmp_path: Path) -> None:
    spec = {
        "folder": str(tmp_path),
        "streams": [{"name": "web", "kind": "http", "url": "", "expect": 200}],
        "window_s": 0.3,
    }
    with Service() as service:
        spec["streams"][0]["url"] = service.url  # type: ignore[index]
        with handle.start(spec) as client:
            seen, over = [], threading.Event()

            def ask() -> None:
                while not over.wait(0.01):
                    seen.append(client.figures(0, ["web"]))

            asking = threading.Thread(target=ask)
            asking.start()
            for _ in range(3):
                assert client.steady(time.monotonic_ns(), 10).since_ns
            with service.outage("500"):
                assert client.steady(time.monotonic_ns(), 1).since_ns is None
                worst = client.figures(0, ["web"])
            client.finish(10)
            over.set()
            asking.join()
        known = [figures for figures in seen if figures]
        assert len(known) > 20
        assert [f.answered for f in known] == sorted(f.answered for f in known)
        assert worst is not None
        assert worst.since_ns is None
        assert "500" in worst.why
        assert worst.good < worst.answered
        assert client.figures(0, ["web"])  # of a client that has ended: the last ones


def test_a_screen_that_is_gone_disturbs_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    shown = Screen(writing, in_place=True)
    with shown.scene("d") as scene:
        time.sleep(0.5)
        assert isinstance(scene, Scene)
    shown.close()
    shown.say("nothing")
