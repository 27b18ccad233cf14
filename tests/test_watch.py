"""`python -m probes watch`: the stopwatch tells true outages, all of them, at once, and how well it watched itself."""

import contextlib
import json
import os
import pty
import queue
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from probes.handle import ROOT
from tests.outages import Outage, Service, free_port

EVERY_S, TIMEOUT_S, WINDOW_S = 0.02, 0.3, 0.3
NS = 1e9
ROUND_TRIP_S = 0.04  # of a request to the service in the test's own process, on a busy machine
LONG_S = 30.0
OPTIONS = ("--every", "20ms", "--timeout", "300ms", "--window", "300ms")
KINDS = {
    "refuse": {"refused", "reset"},  # whoever was under way when the door closed is reset
    "reset": {"reset", "torn answer"},
    "hang": {"timeout"},
    "500": {"error status"},
    "stall": {"timeout"},
    "cut": {"torn answer"},
}

Line = dict[str, Any]


class Watching:
    """A running watch, and its lines as they come."""

    def __init__(self, *argv: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "probes", "watch", *argv],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.err: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.threads = [
            threading.Thread(target=_pass_on, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for thread in self.threads:
            thread.start()

    def outage(self) -> Line:
        found: Line = json.loads(self.out.get(timeout=LONG_S))
        return found

    def end(self, *, by: int | None = signal.SIGINT) -> tuple[int, list[str], list[str]]:
        """End it: its exit code, what is left of stdout, and of stderr."""
        if by:
            self.process.send_signal(by)
        code = self.process.wait(LONG_S)
        for thread in self.threads:
            thread.join(LONG_S)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        return code, _rest(self.out), _rest(self.err)

    def __enter__(self) -> Self:
        said = self.err.get(timeout=LONG_S) if "--json" in self.process.args else self.out.get(timeout=LONG_S)  # type: ignore[operator]
        assert said.startswith("watching http"), said
        time.sleep(2 * EVERY_S)  # so that its first requests found the service up
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _pass_on(lines: Any, to: "queue.SimpleQueue[str]") -> None:
    for line in lines:
        to.put(line.rstrip("\n"))


def _rest(lines: "queue.SimpleQueue[str]") -> list[str]:
    found = []
    with contextlib.suppress(queue.Empty):
        while True:
            found.append(lines.get_nowait())
    return found


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


def once(*argv: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "probes", *argv]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=2 * LONG_S)


def hold(service: Service, mode: str, seconds: float) -> Outage:
    with service.outage(mode) as found:
        time.sleep(seconds)  # the length of the outage: truth, not a wait
    return found[0]


def test_every_outage_is_told_where_it_was(service: Service) -> None:
    truths, seen, told_after_s = [], [], []
    with Watching(service.url, *OPTIONS, "--json") as watch:
        for at, mode in enumerate(KINDS):
            truths.append(hold(service, mode, 0.3 + 0.07 * at))
            seen.append(watch.outage())
            told_after_s.append((time.monotonic_ns() - truths[-1].ended_ns) / NS)
        code, rest, err = watch.end()
    assert (code, rest) == (0, [])
    for truth, outage in zip(truths, seen, strict=True):
        slack = outage["bound_s"] + ROUND_TRIP_S
        assert (truth.before_ns - outage["t1_ns"]) / NS <= slack
        assert (outage["t1_ns"] - truth.began_ns) / NS <= slack
        assert abs(outage["t5_ns"] - truth.ended_ns) / NS <= slack
        assert abs(outage["downtime_s"] - (truth.ended_ns - truth.began_ns) / NS) <= slack
        assert outage["bound_s"] >= EVERY_S
        assert outage["failures"] == pytest.approx(outage["downtime_s"] / EVERY_S, abs=1)
        assert outage["kind"] in KINDS[truth.mode], outage["error"]
    # At once: as soon as the window has passed, and the last request that hung was given up.
    assert max(told_after_s) <= TIMEOUT_S + WINDOW_S + 1.0
    assert any(line.startswith("availability") for line in err)


def test_flapping_is_one_outage_and_a_pause_of_a_window_makes_two(service: Service) -> None:
    with Watching(service.url, *OPTIONS, "--json") as watch:
        first = hold(service, "500", 0.2)
        time.sleep(WINDOW_S / 3)
        second = hold(service, "500", 0.2)
        flapped = watch.outage()
        hold(service, "500", 0.1)
        again = watch.outage()
        code, rest, _ = watch.end()
    assert abs(flapped["t1_ns"] - first.began_ns) / NS <= flapped["bound_s"] + ROUND_TRIP_S
    assert abs(flapped["t5_ns"] - second.ended_ns) / NS <= flapped["bound_s"] + ROUND_TRIP_S
    assert again["t1_ns"] > flapped["t5_ns"]
    assert (code, rest) == (0, [])


@pytest.mark.parametrize(
    ("rto", "mode", "code", "said"), [("20", "500", 0, "RTO 20 s: kept"), ("200ms", "500", 1, "RTO 0.2 s: exceeded")]
)
def test_the_exit_code_holds_it_against_the_rto(service: Service, rto: str, mode: str, code: int, said: str) -> None:
    with Watching(service.url, *OPTIONS, "--rto", rto) as watch:
        hold(service, mode, 0.5)
        while "(t5)" not in watch.out.get(timeout=LONG_S):
            pass
        found, lines, err = watch.end()
    assert (found, err) == (code, [])
    assert said in lines
    assert any(line.startswith("own lag: p99 ") for line in lines)


def test_an_outage_that_is_not_over_is_told_at_the_end(service: Service) -> None:
    with Watching(service.url, *OPTIONS, "--json", "--rto", "1h") as watch, service.outage("refuse"):
        time.sleep(0.2)
        code, (last,), err = watch.end()
    assert code == 1
    assert json.loads(last)["t5_ns"] is None
    assert json.loads(last)["downtime_s"] is None
    assert json.loads(last)["kind"] in KINDS["refuse"]
    assert "RTO 3600 s: exceeded" in err


def test_it_ends_by_itself_and_in_a_pipe_there_are_plain_lines(service: Service) -> None:
    ran = once("watch", service.url, *OPTIONS, "--for", "0.5s")
    assert ran.returncode == 0
    assert "\x1b" not in ran.stdout
    first, *lines = ran.stdout.splitlines()
    assert first == f"watching {service.url} every 20 ms; Ctrl-C ends it"
    (served,) = [line for line in lines if line.startswith("availability ")]
    outages = [line for line in lines if line.startswith("outage ")]  # none, but for what a busy machine makes itself
    assert re.match(rf"availability 1?\d\d\.\d{{3}} % of \d+ requests in 0\.\d s; outages: {len(outages)}, ", served)
    assert any(line.startswith("own lag: p99 ") for line in lines)


def test_a_watch_that_stood_still_does_not_say_that_the_rto_was_kept(service: Service) -> None:
    with Watching(service.url, *OPTIONS, "--rto", "20") as watch:
        (client,) = psutil.Process(watch.process.pid).children()
        client.send_signal(signal.SIGSTOP)
        time.sleep(3 * WINDOW_S)
        client.send_signal(signal.SIGCONT)
        time.sleep(2 * WINDOW_S)
        code, lines, _ = watch.end()
    assert code == 3
    assert "RTO 20 s: cannot tell: the watch itself lagged, or too close to call" in lines


def test_a_schedule_that_no_machine_keeps_is_told_by_the_lag(service: Service) -> None:
    ran = once("watch", service.url, "--every", "1ms", "--for", "1s")
    lag_ms = float(ran.stdout.partition("own lag: p99 ")[2].split(" ")[0])
    unit = ran.stdout.partition("own lag: p99 ")[2].split(" ")[1]
    blurred = "this machine does not keep up" in ran.stdout
    assert blurred == (unit == "s," or lag_ms > 1)


def test_a_killed_server_of_another_process_that_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    argv = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)]

    def serve() -> "subprocess.Popen[bytes]":
        server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + LONG_S
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                return server
        raise AssertionError("the server does not come up")

    server = serve()
    try:
        with Watching(f"http://127.0.0.1:{port}/", *OPTIONS, "--json") as watch:
            killed_ns = time.monotonic_ns()
            server.kill()
            server.wait()
            gone_ns = time.monotonic_ns()
            time.sleep(0.5)
            starts_ns = time.monotonic_ns()
            server = serve()
            serves_ns = time.monotonic_ns()
            seen = watch.outage()
            code, rest, _ = watch.end()
    finally:
        server.kill()
        server.wait()
    assert (code, rest) == (0, [])
    slack = seen["bound_s"] + ROUND_TRIP_S
    assert killed_ns / NS - slack <= seen["t1_ns"] / NS <= gone_ns / NS + slack
    assert starts_ns / NS <= seen["t5_ns"] / NS <= serves_ns / NS + slack
    assert seen["kind"] in {"refused", "reset", "torn answer"}


def test_on_a_terminal_the_clock_runs(service: Service) -> None:
    ours, its = pty.openpty()
    argv = [sys.executable, "-m", "probes", "watch", service.url, *OPTIONS, "--rto", "5"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(argv, cwd=ROOT, stdout=its, stderr=its, stdin=its, env=environment)
    os.close(its)
    shown = until(ours, " UP ")
    with service.outage("500"):
        shown += until(ours, "RTO 0.4 of 5 s")
    shown += until(ours, "(t5)")
    process.send_signal(signal.SIGINT)
    shown += until(ours, "RTO 5 s: kept")
    assert process.wait(LONG_S) == 0
    os.close(ours)
    assert " OUT 0." in shown
    assert "requests, 0 failed" in shown


def until(terminal: int, text: str) -> str:
    shown, limit = "", time.monotonic() + LONG_S
    while text not in shown:
        assert time.monotonic() < limit, shown[-2000:]
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


def test_nothing_is_left_whoever_dies(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    secret = service.url.replace("http://", "http://ada:horses@")
    ran = once("watch", secret, *OPTIONS, "--for", "0.2s")
    assert "horses" not in ran.stdout + ran.stderr
    assert list(tmp_path.iterdir()) == []
    with Watching(secret, *OPTIONS) as watch:
        (client,) = psutil.Process(watch.process.pid).children()
        watch.process.kill()
        client.wait(LONG_S)
        watch.end(by=None)
    for path in tmp_path.rglob("*"):  # a SIGKILL leaves a small folder, without records and without secrets
        assert path.is_dir() or "horses" not in path.read_text()
        assert path.name != "samples.jsonl"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["gopher://x"], "nothing here asks 'gopher'; give http(s)://, postgresql://"),
        (["localhost:80"], "give http(s)://"),
        (["http://"], "url is 'http://'; give http://HOST:PORT/PATH"),
        (["redis://127.0.0.1:1"], "give redis+sentinel://HOST:PORT"),
        (["tcp://127.0.0.1"], "give tcp://HOST:PORT"),
        (["s3+http://127.0.0.1:1/bucket"], "there is no login"),
        (["http://x", "--every", "often"], "--every: 'often' is not a duration"),
        (["http://x", "--every", "0"], "--every 0: give at least 1 ms"),
        (["http://x", "--rto", "soon"], "--rto: 'soon'"),
        (["http://x", "--expect", "yes"], "--expect yes: give an HTTP status"),
        (["http://x", "--header", "Token"], "--header 'Token': write it as 'NAME: VALUE'"),
        (["http://x", "--header", "A: {env:NOT_SET_HERE}"], "needs the environment variable 'NOT_SET_HERE'"),
    ],
)
def test_bad_input_is_one_line_and_2(argv: Sequence[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    ran = once("watch", *argv, "--for", "0.1s")
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert says in ran.stderr
    assert ran.stdout == ""


def test_headers_come_from_the_environment(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "horses")
    ran = once("watch", service.url, "--header", "Authorization: Bearer {env:A_TOKEN}", "--for", "0.2s")
    assert ran.returncode == 0
    assert "100.000 %" in ran.stdout
    assert "horses" not in ran.stdout


def test_a_port_is_watched_too(service: Service) -> None:
    url = service.url.replace("http", "tcp")
    ran = once("watch", url, "--for", "0.3s")
    assert (ran.returncode, "100.000 %" in ran.stdout) == (0, True)
    with service.outage("refuse"):
        ran = once("watch", url, "--for", "0.3s", "--json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["kind"] == "refused"


def test_the_help_says_what_the_exit_codes_mean() -> None:
    told = once("watch", "--help").stdout
    assert "exit codes:" in told
    for option in ("--every", "--for", "--rto", "--json", "--timeout", "--window"):
        assert option in told
    assert "t1_ns, t5_ns" in told
