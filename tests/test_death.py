"""However the harness dies, everything is put back: a real lab, real deaths, real watchdogs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from rollback import guard, journal, watchdog
from rollback import stop as stopping
from rollback.arming import Permit
from rollback.journal import Injection
from targets import local
from targets.target import Target, TargetGone, attach

ROOT = Path(__file__).parent.parent
PATIENCE_S = 60.0  # for a machine under any load; nothing here asserts on how fast it was

HARNESS = """
import os, sys, time
from rollback import guard, signals
from rollback.arming import Permit
from targets.target import attach
signals.as_keyboard_interrupt()
target, expires = attach(sys.argv[1]), float(sys.argv[2])
with guard.Session(permit=Permit()) as session:
    guard.inject(session, target, "partition", source="api", destination="redis", expires_after_s=expires)
    guard.inject(session, target, "stress", component="worker", workers=1, seconds=300, expires_after_s=expires)
    print(session.watchdog._process.pid, flush=True)
    sys.stdin.readline()
    os._exit(3)
"""


def eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s for {what}"
        time.sleep(0.01)


def nothing_open() -> bool:
    return journal.open_records() == ((), ())


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    return journal.home()


class Harness:
    """A process that has cut the API off from Redis and burns CPU beside the worker."""

    def __init__(self, target: Target, *, expires_s: float = 300) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HARNESS, target.address, str(expires_s)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.watchdog = int(self.process.stdout.readline())

    def end(self) -> None:
        for pid in (self.process.pid, self.watchdog):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()


@pytest.fixture
def harness(target: Target, state: Path) -> Iterator[Harness]:
    started = Harness(target)
    assert len(journal.open_records()[0]) == 2
    assert len(stopping.residue(target)) == 2
    yield started
    started.end()
    stopping.stop(by="test").check()


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGSEGV]
)
def test_a_killed_harness_leaves_nothing(harness: Harness, target: Target, number: signal.Signals) -> None:
    harness.process.send_signal(number)
    eventually(nothing_open, "the records to be closed")
    assert stopping.residue(target) == []


def test_a_harness_that_leaves_by_itself_leaves_nothing(harness: Harness, target: Target) -> None:
    assert harness.process.stdin is not None
    harness.process.stdin.write("\n")
    harness.process.stdin.flush()
    assert harness.process.wait(PATIENCE_S) == 3
    eventually(nothing_open, "the records to be closed")
    assert stopping.residue(target) == []


def test_with_the_watchdog_dead_too_the_next_start_heals(harness: Harness, target: Target) -> None:
    harness.end()
    assert not nothing_open()
    stopping.stop(by="next start", mine=stopping.leftovers()).check()
    assert nothing_open()
    assert stopping.residue(target) == []


def test_with_the_watchdog_dead_too_a_human_heals(harness: Harness, target: Target) -> None:
    harness.end()
    red_button = [sys.executable, "-m", "rollback"]
    seen = subprocess.run(
        [*red_button, "verify", "--target", target.address], cwd="/", capture_output=True, text=True, check=False
    )
    assert seen.returncode == 1
    assert "open: partition of api-1, api-2" in seen.stdout
    stopped = subprocess.run(
        [*red_button, "stop", "--reason", "tried"], cwd="/", capture_output=True, text=True, check=False
    )
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert stopped.stdout.count("healed") == 2
    assert nothing_open()
    assert stopping.residue(target) == []


def test_a_fault_that_outlives_its_time_is_healed_under_a_hung_harness(target: Target, state: Path) -> None:
    hung = Harness(target, expires_s=1)
    try:
        hung.process.send_signal(signal.SIGSTOP)
        eventually(nothing_open, "the watchdog to heal what has expired")
        closed = [journal.read(path) for path in (state / "closed").glob("*.json")]
        assert {record.healed_by for record in closed} == {"watchdog: expired"}
        assert stopping.residue(target) == []
    finally:
        hung.end()


HOLDER = """
import sys, time
from rollback import stop
with stop.one_at_a_time():
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_stop_that_is_frozen_does_not_keep_another_from_putting_back(
    target: Target, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness(target)
    frozen = subprocess.Popen([sys.executable, "-c", HOLDER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert frozen.stdout is not None
        assert frozen.stdout.readline() == "held\n"
        frozen.send_signal(signal.SIGSTOP)
        os.kill(harness.watchdog, signal.SIGKILL)
        monkeypatch.setattr(stopping, "HEAL_BUDGET_S", 5.0)
        began = time.monotonic()
        assert len(stopping.stop(by="test").healed) == 2
        assert time.monotonic() - began >= 5.0
        assert stopping.residue(target) == []
    finally:
        frozen.kill()
        frozen.communicate()
        harness.end()


def ours(folder: str) -> list[str]:
    """List the processes that live in a folder."""
    everybody = psutil.process_iter(["cwd", "cmdline"])
    return [" ".join(one.info["cmdline"] or []) for one in everybody if (one.info["cwd"] or "").startswith(folder)]


def test_a_killed_pytest_leaves_neither_fault_nor_lab(state: Path, tmp_path: Path) -> None:
    before = set(local.running())
    drills = [
        sys.executable,
        "-m",
        "pytest",
        "drills/test_api.py",
        "-k",
        "cut_off",
        "--run-folder",
        str(tmp_path / "run"),
    ]
    process = subprocess.Popen(drills, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        eventually(lambda: journal.open_records()[0], "the drill to inject")
        (address,) = set(local.running()) - before
        folder = address.partition(":")[2]
        assert ours(folder)
    finally:
        process.kill()
        process.wait()
    eventually(nothing_open, "the record to be closed")
    eventually(lambda: not ours(folder) and not Path(folder).exists(), "the lab to go")
    assert set(local.running()) == before


def test_attaching_to_a_lab_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(TargetGone, match="no lab is up there"):
        attach(f"local:{tmp_path}/nowhere")


@contextmanager
def unhealable(record: Injection, state: Path) -> Iterator[Callable[[], None]]:
    """Make a record one that nobody can put back; gives what makes it whole again, and leaves nothing open."""
    path = state / "open" / f"{record.id}.json"
    whole = path.read_text()
    path.write_text(json.dumps({**json.loads(whole), "plan": {"victims": ["api-1"]}}))

    def mend() -> None:
        with stopping.one_at_a_time():  # a stop under way would write down what it had read before
            if path.exists():
                path.write_text(whole)

    try:
        yield mend
    finally:  # the lab is everybody's
        mend()
        stopping.stop(by="test")


def watchdogs() -> set[int]:
    """List the living watchdogs of this process: the whole suite may have one as well."""
    everybody = psutil.process_iter(["pid", "cmdline"])
    return {one.info["pid"] for one in everybody if _watches_me(one.info["cmdline"] or [])}  # a zombie has no words


def _watches_me(argv: list[str]) -> bool:
    return str(os.getpid()) in argv and any(word.endswith("rollback/watchdog.py") for word in argv)


def test_a_session_that_left_something_ends_and_its_watchdog_goes_on_trying(target: Target, state: Path) -> None:
    session = guard.Session(permit=Permit())
    session.__enter__()
    record = guard.inject(session, target, "partition", source="api", destination="redis")
    with unhealable(record, state) as mend:
        began = time.monotonic()
        with pytest.raises(stopping.StopFailed):
            session.__exit__(None, None, None)
        assert time.monotonic() - began < sum(watchdog.RETRY_S)
        assert [each.id for each in journal.open_records()[0]] == [record.id]
        mend()
        eventually(nothing_open, "the watchdog to put it back after all")
    (closed,) = [journal.read(each) for each in (state / "closed").glob("*.json")]
    assert closed.healed_by == "watchdog: session closed"
    assert stopping.residue(target) == []


def test_such_a_watchdog_ends_when_somebody_else_has_put_it_back(target: Target, state: Path) -> None:
    before = watchdogs()
    session = guard.Session(permit=Permit())
    session.__enter__()
    record = guard.inject(session, target, "partition", source="api", destination="redis")
    with unhealable(record, state) as mend:
        with pytest.raises(stopping.StopFailed):
            session.__exit__(None, None, None)
        (behind,) = watchdogs() - before
        mend()
        stopping.stop(by="test").check()
        eventually(lambda: behind not in watchdogs(), "the watchdog to end")
    assert stopping.residue(target) == []
