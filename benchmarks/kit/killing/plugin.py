"""A plugin, `-p benchmarks.kit.killing.plugin`: tells where the drill is, and dies when it is told to.

$DRILLYARD_KILL names the abstract socket to talk to; $DRILLYARD_KILL_TTL_S says for how long faults may be in force.
"""

import ctypes
import json
import os
import socket
import threading
import time
from collections.abc import Generator
from typing import Any

import pytest

from rollback import guard

SOCKET, TTL = "DRILLYARD_KILL", "DRILLYARD_KILL_TTL_S"
BITE = 16 << 20

_line: list[socket.socket] = []


def tell(event: str) -> None:
    """Say what happens, and when."""
    if _line:
        words = {"event": event, "at_ns": time.monotonic_ns(), "pid": os.getpid()}
        _line[0].sendall(json.dumps(words).encode() + b"\n")


def pytest_configure() -> None:
    """Shorten the lives of faults, if that was asked for: a hung harness is waited for until they expire."""
    if ttl := os.environ.get(TTL):
        assert guard.inject.__kwdefaults__ is not None
        guard.inject.__kwdefaults__["expires_after_s"] = float(ttl)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Say when the drill begins and ends; this runs where drills run: in a worker, if there are workers."""
    if not _line:
        _line.append(socket.socket(socket.AF_UNIX))
        _line[0].connect("\0" + os.environ[SOCKET])
        threading.Thread(target=_obey, args=(_line[0],), daemon=True).start()
    tell("begins")
    try:
        return (yield)
    finally:
        tell("ends")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Say when the test itself begins and ends: only there pytest-timeout strikes."""
    tell("called")
    try:
        return (yield)
    finally:
        tell("returned")


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_timeout_set_timer(item: Any, settings: Any) -> None:  # noqa: ARG001  the hook's own words
    """Say when pytest-timeout begins to count."""
    tell("timed")


def _obey(line: socket.socket) -> None:
    """Wait for the word, and die of it."""
    word = line.recv(64).decode().strip()
    if not word:
        return
    tell("dies")
    if word == "exit":
        os._exit(3)
    elif word == "segfault":
        ctypes.string_at(0)
    elif word == "eat":
        hoard = []
        while True:
            hoard.append(b"x" * BITE)
