"""Builds a lab: its folder, its keeper and supervisor; clears away what dead ones left. Standard library only."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from targets.lab import keeper, processes
from targets.places import ROOT, labs_folder, python_path
from targets.target import BadInput


class Started:
    """A lab's keeper as a child of this process, and the pipe whose end means: the owner is dead."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], pipe: int, errors: IO[bytes]) -> None:
        self.folder = folder
        self.process = process
        self._pipe: int | None = pipe
        self._errors = errors

    def let_go(self) -> None:
        """Close the owner's pipe: the lab is torn down."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def forget(self, within: float) -> None:
        """Wait for the keeper's end, `within` seconds at most, and give back what was held."""
        self.let_go()
        self.process.wait(within)
        self._errors.close()

    def errors(self) -> str:
        """Give what the keeper and the supervisor complained about."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-2000:]


def start() -> Started:
    """Start a lab's supervisor under its keeper, owned by this process. BadInput when its folder cannot be made."""
    clear_abandoned()
    folder, lock = _make_folder()
    reading, writing = os.pipe()
    errors = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the lab's owner
    supervisor = [sys.executable, "-m", "targets.lab.supervisor", str(folder)]
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", keeper.PROGRAM, str(ROOT), str(folder), *supervisor],
            cwd="/",
            env=os.environ | {"PYTHONPATH": python_path(), processes.MARK: str(folder)},
            stdin=reading,
            stdout=errors,
            stderr=errors,
            start_new_session=True,  # Ctrl-C in the owner's terminal is the owner's business
            pass_fds=(lock,),
        )
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(writing)
        raise
    finally:
        os.close(reading)
        os.close(lock)
    return Started(folder, process, writing, errors)


def folders() -> list[Path]:
    """List the folders of labs of this user, living or not."""
    return sorted(labs_folder().glob("lab-*"))


def clear_abandoned() -> None:
    """Sweep the labs whose keeper and supervisor are both dead; labs that live are left alone."""
    with suppress(FileNotFoundError), _alone(labs_folder()):
        for folder in folders():
            if keeper.is_abandoned(folder):
                keeper.sweep(folder)


def _make_folder() -> tuple[Path, int]:
    """Make a lab's folder and lock it before anybody can take it for an abandoned one."""
    parent = labs_folder()
    while True:
        try:
            parent.mkdir(mode=0o711, exist_ok=True)
            _check_owner(parent)
            with suppress(FileNotFoundError), _alone(parent):  # another lab's end may have removed it just now
                return _locked(parent / f"lab-{uuid4().hex[:8]}")
        except OSError as error:
            raise BadInput(
                f"{parent}: cannot make the lab's folder ({error}); set TMPDIR to a folder of yours"
            ) from error


def _locked(folder: Path) -> tuple[Path, int]:
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    lock = os.open(folder / keeper.LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def _check_owner(parent: Path) -> None:
    parent.chmod(0o711)  # user nobody, as whom root runs PostgreSQL, has to pass
    if parent.is_symlink() or parent.stat().st_uid != os.getuid():
        raise BadInput(f"{parent} belongs to somebody else; set TMPDIR to a folder of yours")


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    handle = os.open(parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
