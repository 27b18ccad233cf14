"""The journal on a real disk that is full, or read-only: nothing is injected, and nothing is kept from healing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rollback import __main__ as button
from rollback import emergency, guard, journal, marks
from rollback import stop as stopping
from rollback.arming import Permit
from targets import labs
from targets.target import BadInput
from tests.fakes import FakeTarget, install

ROOT = Path(__file__).parent.parent
MOUNT, UMOUNT = shutil.which("mount") or "mount", shutil.which("umount") or "umount"


def mount(*words: str) -> None:
    """Mount something; skip the test where that is not permitted."""
    done = subprocess.run([MOUNT, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")


def unmount(folder: Path) -> None:
    subprocess.run([UMOUNT, "--lazy", str(folder)], check=True)


def read_only(folder: Path) -> None:
    """Lay a read-only view over it: what stands open there for writing would forbid to make itself read-only."""
    mount("--bind", str(folder), str(folder))
    mount("-o", "remount,bind,ro", str(folder))


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Give a state folder on a disk of its own, 128 kB."""
    folder = tmp_path / "state"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs", str(folder))
    monkeypatch.setenv("DRILLYARD_STATE", str(folder))
    monkeypatch.setattr(labs, "standing", tuple)
    monkeypatch.setattr(stopping, "IN_FLIGHT_S", 0.01)
    try:
        yield folder
    finally:
        while os.path.ismount(folder):
            unmount(folder)


@pytest.fixture
def target(state: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTarget:
    fake = FakeTarget()
    install(monkeypatch, fake)
    return fake


@pytest.fixture
def session(target: FakeTarget) -> Iterator[guard.Session]:
    with guard.Session(permit=Permit()) as opened:
        yield opened


def fill(state: Path) -> Path:
    """Leave not one byte."""
    balloon = state / "balloon"
    with balloon.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    return balloon


def test_without_room_for_a_record_nothing_is_injected(session: guard.Session, target: FakeTarget, state: Path) -> None:
    balloon = fill(state)
    with pytest.raises(guard.Refused, match=r"not injecting: its record cannot be written .*No space left"):
        guard.inject(session, target, "partition", source="a", destination="c")
    assert not target.rules
    assert journal.open_records() == ((), ())
    balloon.unlink()
    guard.inject(session, target, "partition", source="a", destination="c")
    assert session.stop(by="test").failed == ()


def test_a_full_disk_is_healed_on_and_nothing_is_lost(
    session: guard.Session, target: FakeTarget, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = guard.inject(session, target, "partition", source="a", destination="c")
    balloon = fill(state)
    assert button.main(["stop", "--wait", "0", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert not target.rules
    assert "is healed, but its record cannot be closed" in said["failed"][0]
    for wrong in ("running drills cannot be told", "the report cannot be kept"):
        assert any(wrong in remains for remains in said["remains"]), said["remains"]
    assert [each.id for each in journal.open_records()[0]] == [record.id]
    balloon.unlink()
    assert button.main(["stop", "--wait", "0"]) == 0
    assert journal.read(state / "closed" / f"{record.id}.json").healed_at_ns


def test_a_read_only_folder_is_healed_on_and_nothing_is_lost(
    session: guard.Session, target: FakeTarget, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = guard.inject(session, target, "partition", source="a", destination="c")
    read_only(state)
    assert button.main(["list"]) == 1
    assert "partition  a-1, a-2 on fake:one" in capsys.readouterr().out
    assert button.main(["verify"]) == 1
    report = emergency.keep(emergency.stop(emergency.Order(by=marks.person())))
    assert not target.rules
    assert "is healed, but its record cannot be closed" in report.failed[0]
    assert not report.clean
    assert [each.id for each in journal.open_records()[0]] == [record.id]
    with pytest.raises(BadInput, match="set DRILLYARD_STATE to a folder of yours"), guard.Session(permit=Permit()):
        pass
    unmount(state)
    assert button.main(["stop", "--wait", "0"]) == 0


def test_a_drill_without_a_state_folder_is_one_line(state: Path, tmp_path: Path) -> None:
    read_only(state)
    argv = [sys.executable, "-m", "pytest", "drills/test_api.py", "-k", "cut_off", "--target", "local:/nowhere"]
    done = subprocess.run(
        [*argv, "--run-folder", str(tmp_path / "run")],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
