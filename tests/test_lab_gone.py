"""A lab is called gone only when it is: one that breaks off, is deaf or may not be asked may still hold harm."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from targets.lab import control
from targets.target import TargetError, TargetGone, attach


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[socket.socket]:
    """Give the control socket of a lab that is no lab; it listens."""
    here = os.open(tmp_path, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/{control.NAME}")
        os.close(here)
        server.listen()
        yield server


def ask(folder: Path) -> str:
    """Ask, and say by which error it ended."""
    try:
        control.ask(folder, {"do": "links.cuts"}, timeout=0.5)
    except TargetError as error:
        return type(error).__name__
    return "answered"


def answering(server: socket.socket, answer: bytes, *, then_gone: bool = False) -> None:
    def answer_once() -> None:
        connection, _ = server.accept()
        connection.recv(100)
        if then_gone:
            server.close()
        connection.sendall(answer)
        connection.close()

    threading.Thread(target=answer_once, daemon=True).start()


@pytest.mark.parametrize("answer", [b"", b"{", b"no\n"])
def test_one_that_breaks_off_is_not_gone(lab: socket.socket, tmp_path: Path, answer: bytes) -> None:
    answering(lab, answer)
    assert ask(tmp_path) == "TargetError"


def test_one_that_is_deaf_is_not_gone(lab: socket.socket, tmp_path: Path) -> None:
    assert ask(tmp_path) == "TargetError"


def test_one_that_ends_while_it_is_asked_is(lab: socket.socket, tmp_path: Path) -> None:
    answering(lab, b"", then_gone=True)
    assert ask(tmp_path) == "TargetGone"


def test_one_that_has_ended_is(lab: socket.socket, tmp_path: Path) -> None:
    lab.close()
    assert ask(tmp_path) == "TargetGone"
    assert ask(tmp_path / "nowhere") == "TargetGone"
    with pytest.raises(TargetGone):
        attach(f"local:{tmp_path}")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_one_that_may_not_be_asked_is_not_gone(lab: socket.socket, tmp_path: Path) -> None:
    closed = tmp_path / control.NAME
    closed.chmod(0o600)
    folder = os.open(tmp_path, os.O_PATH)
    child = os.fork()
    if not child:
        os.setresuid(65534, 65534, 65534)
        os._exit({"TargetError": 7, "TargetGone": 8}.get(ask(Path(f"/proc/self/fd/{folder}")), 9))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    os.close(folder)
