"""One drill at a time per target, among processes: real ones, which wait, die, lie and hurry."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rollback import guard, lock, lockfile
from rollback.arming import Permit
from rollback.records import user
from targets import places
from targets.target import BadInput
from tests.fakes import FakeTarget, install

ROOT = Path(__file__).parent.parent
HOLDER = """
import sys, time
from pathlib import Path
from rollback import lock
from targets import places
places.SHARED = (Path(sys.argv[1]),)
def waiting(text):
    if text:
        print(text, flush=True)
for drill in sys.argv[3:]:
    found = lock.take(sys.argv[2], waiting=waiting)
    print("after", found.after, flush=True)
    lock.sign(found, drill)
    print("has it", flush=True)
    sys.stdin.readline()
    lock.give_back(sys.argv[2])
"""
ADDRESS = "fake:shared"


class Holder:
    """A process that takes the lock for one drill after the other, and goes on when it is told."""

    def __init__(self, folder: Path, *drills: str, address: str = ADDRESS) -> None:
        argv = [sys.executable, "-c", HOLDER, str(folder), address, *drills]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def goes_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give a folder as /run/lock is one: everybody's, and sticky."""
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr(places, "SHARED", (folder,))
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "state"))
    return folder


@pytest.fixture
def holder(shared: Path) -> Iterator[Holder]:
    """Give a process that has the lock, twice in a row."""
    process = Holder(shared, "first-drill", "second-drill")
    try:
        assert process.says() == "after None"
        assert process.says() == "has it"
        yield process
    finally:
        process.end()


def test_a_free_one_is_taken_and_leaves_nothing(shared: Path) -> None:
    taken = lock.take(ADDRESS)
    lock.sign(taken, "a-drill")
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o666
    assert lockfile.holder(taken.path).startswith("drill a-drill of ")
    assert lock.take(ADDRESS) is taken
    lock.give_back(ADDRESS)
    assert taken.path.exists()
    lock.give_back(ADDRESS)
    assert list(shared.iterdir()) == []


def test_a_live_one_is_named_and_not_taken(holder: Holder, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lock.VARIABLE, "0.3")
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(lock.Busy) as busy:
        lock.take(ADDRESS, waiting=lambda text: said.append(text) if text else None)
    assert time.monotonic() - began > 0.3
    assert len(said) == 1
    for words in (said[0], str(busy.value)):
        assert f"drill first-drill of {user(os.getuid())} (pid {holder.process.pid}, since " in words
    assert "0.3 s of waiting were not enough" in str(busy.value)


def test_whoever_waits_is_next_before_the_holder_is_again(holder: Holder, shared: Path) -> None:
    other = Holder(shared, "other-drill")
    try:
        assert "first-drill" in other.says()
        holder.goes_on()
        assert other.says() == "after None"
        assert other.says() == "has it"
        assert "other-drill" in holder.says()
        other.goes_on()
        assert holder.says() == "after None"
        assert holder.says() == "has it"
    finally:
        other.end()


def test_a_dead_one_is_taken_over(holder: Holder, shared: Path) -> None:
    holder.process.send_signal(signal.SIGKILL)
    holder.process.wait()
    taken = lock.take(ADDRESS)
    assert "first-drill" in str(taken.after)
    assert "dead by now" in str(taken.after)
    lock.give_back(ADDRESS)
    assert "first-drill" in str(lock.take(ADDRESS).after), "whoever does not sign leaves the note for the next one"
    lock.sign(lock.take(ADDRESS), "mine")
    lock.give_back(ADDRESS)
    lock.give_back(ADDRESS)
    assert list(shared.iterdir()) == []


def test_a_frozen_one_is_no_dead_one(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(lock.VARIABLE, "0.2")
    holder.process.send_signal(signal.SIGSTOP)
    with pytest.raises(lock.Busy, match="first-drill"):
        lock.take(ADDRESS)


TRAPS: dict[str, Callable[[Path, Path], object]] = {
    "symlink": lambda path, precious: path.symlink_to(precious),
    "dangling": lambda path, precious: path.symlink_to(f"{precious}-new"),
    "folder": lambda path, _: path.mkdir(),
    "fifo": lambda path, _: os.mkfifo(path),
    "hard link": lambda path, precious: path.hardlink_to(precious),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_it_follows_nobody_elses_name(shared: Path, tmp_path: Path, trap: str) -> None:
    path, precious = places.lock_file(ADDRESS), tmp_path / "precious"
    precious.write_text("mine")
    TRAPS[trap](path, precious)
    with pytest.raises(BadInput, match="cannot be locked") as wrong:
        lock.take(ADDRESS)
    assert str(path) in str(wrong.value)
    assert precious.read_text() == "mine"
    assert not Path(f"{precious}-new").exists()
    assert not path.with_suffix(".next").exists()


@pytest.mark.parametrize(
    "note", ["", "{", "[]", "\x00" * 10, '{"pid": "self/.."}', '{"pid": -1, "started": 1, "boot": ""}', "[" * 5000]
)
def test_a_mangled_note_is_no_obstacle(shared: Path, note: str) -> None:
    path = places.lock_file(ADDRESS)
    path.write_text(note)
    taken = lock.take(ADDRESS)
    assert (taken.after is None) == (note == "")
    lock.sign(taken, "a-drill")
    lock.give_back(ADDRESS)
    assert not path.exists()


def test_a_note_cannot_speak_to_the_terminal(shared: Path) -> None:
    path = places.lock_file(ADDRESS)
    path.write_text(json.dumps({"drill": "\x1b[2Jall is well\n" + "x" * 500, "pid": 1}))
    assert "\x1b" not in lockfile.holder(path)
    assert "\n" not in lockfile.holder(path)
    assert len(lockfile.holder(path)) < 300


OTHER_USER = """
import os, sys
from pathlib import Path
from rollback import lockfile
os.umask(0o077)
os.setuid(65534)
print(lockfile.locked(Path(sys.argv[1])) is not None, flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_users_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="shared-", dir="/tmp") as folder:
        Path(folder).chmod(0o1777)
        monkeypatch.setattr(places, "SHARED", (Path(folder),))
        path = places.lock_file(ADDRESS)
        argv = [sys.executable, "-c", OTHER_USER, str(path)]
        other = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert path.stat().st_uid == 65534
        assert lockfile.locked(path) is None
        other.communicate("\n")
        assert lock.take(ADDRESS).path == path
        lock.give_back(ADDRESS)


def test_a_lab_carries_its_own(tmp_path: Path, shared: Path) -> None:
    assert places.lock_file(f"local:{tmp_path}") == tmp_path / "drill.lock"
    assert places.lock_file(f"local:{tmp_path}/gone").parent == shared
    assert places.lock_file("kubernetes:a") != places.lock_file("kubernetes:b")


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf"])
def test_patience_is_a_number_of_seconds(shared: Path, monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv(lock.VARIABLE, seconds)
    with pytest.raises(BadInput, match=f"{lock.VARIABLE}={seconds}"):
        lock.take(ADDRESS)


@pytest.fixture
def target(shared: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTarget:
    fake = FakeTarget(address=ADDRESS)
    install(monkeypatch, fake)
    monkeypatch.setattr(places, "SHARED", (shared,))
    return fake


def test_the_door_refuses_while_somebody_else_drills(
    holder: Holder, target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lock.VARIABLE, "0.1")
    with guard.Session(permit=Permit()) as session, pytest.raises(guard.Refused, match=r"not injecting: .*first-drill"):
        guard.inject(session, target, "kill", component="a")
    assert "kill" not in target.calls


def test_the_door_refuses_what_the_dead_of_others_left(holder: Holder, target: FakeTarget) -> None:
    holder.end()
    target.rules.add("partition-of-the-dead")
    with guard.Session(permit=Permit()) as session:
        for _ in range(2):
            with pytest.raises(guard.Refused, match=r"first-drill .* left: cut partition-of-the-dead is in force"):
                guard.inject(session, target, "kill", component="a")
        target.rules.clear()
        guard.inject(session, target, "kill", component="a")
