"""Shared memory of PostgreSQL servers that died: noted or not, it goes with their data; nobody else's does."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pytest

from targets.lab.processes import remove_segments

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_void_p
LIBC.shmdt.argtypes = [ctypes.c_void_p]
IPC_CREAT, IPC_RMID = 0o1000, 0
SIZE = 56  # as PostgreSQL's own


@pytest.fixture
def made() -> Iterator[list[int]]:
    numbers: list[int] = []
    yield numbers
    for number in numbers:
        LIBC.shmctl(number, IPC_RMID, None)


def segment(made: list[int], key: int) -> int:
    number = LIBC.shmget(ctypes.c_int(key), SIZE, IPC_CREAT | 0o600)
    assert number >= 0
    made.append(number)
    return int(number)


def there() -> set[int]:
    return {int(line.split()[1]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def test_what_a_killed_start_left_is_known_by_its_folders_inode(made: list[int], tmp_path: Path) -> None:
    own, others = segment(made, tmp_path.stat().st_ino), segment(made, tmp_path.stat().st_ino + 1)
    (tmp_path / "postmaster.pid").write_text("17\n/data\n")  # as far as it had come
    remove_segments(tmp_path)
    assert own not in there()
    assert others in there()


def test_what_is_attached_and_not_noted_is_somebodys(made: list[int], tmp_path: Path) -> None:
    own = segment(made, tmp_path.stat().st_ino)
    at = LIBC.shmat(own, None, 0)
    remove_segments(tmp_path)
    assert own in there()
    LIBC.shmdt(at)


def test_what_is_noted_goes_by_key_and_id(made: list[int], tmp_path: Path) -> None:
    noted, other = segment(made, 0xD3), segment(made, 0xD4)
    lines = ["17", "/data", "0", "5432", "/tmp", "localhost", f"{0xD3} {noted}"]
    (tmp_path / "postmaster.pid").write_text("\n".join(lines) + "\n")
    remove_segments(tmp_path)
    assert noted not in there()
    lines[-1] = f"{0xD3} {other}"  # its id was used again, for another key
    (tmp_path / "postmaster.pid").write_text("\n".join(lines) + "\n")
    remove_segments(tmp_path)
    assert other in there()


def test_without_data_there_is_nothing_to_do(tmp_path: Path) -> None:
    remove_segments(tmp_path / "none")
