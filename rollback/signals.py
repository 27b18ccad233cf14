"""Deaths that Python can hear become KeyboardInterrupt, and an undo is not interrupted by them."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

DEADLY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_heard: list[int] = []


def as_keyboard_interrupt() -> None:
    """Let every deadly signal unwind the stack as Ctrl-C does, so that teardowns run. Main thread only."""
    for number in DEADLY:
        signal.signal(number, _interrupt)


def heard() -> int:
    """Count the deadly signals that were heard until now; deferred ones count once they are let through."""
    return len(_heard)


def check(before: int) -> None:
    """Raise KeyboardInterrupt when a signal came since `before` of them were heard.

    Somebody may have swallowed the first one: a library that catches everything, or a destructor.
    """
    if len(_heard) > before:
        raise KeyboardInterrupt(signal.Signals(_heard[-1]).name)


def leave() -> None:
    """Let nothing interrupt this process any more: it is on its way out, putting back and writing down."""
    if threading.current_thread() is threading.main_thread():
        for number in DEADLY:
            signal.signal(number, _passed_over)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Hold deadly signals and alarms back while the block runs; they are raised again at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    caught: list[int] = []
    number: int
    held: dict[int, Any] = {}
    try:
        for number in (*DEADLY, signal.SIGALRM):  # inside: a signal that comes meanwhile leaves no half of it behind
            held[number] = signal.signal(number, lambda number, _: caught.append(number))
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(caught):
            signal.raise_signal(number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _heard.append(number)
    raise KeyboardInterrupt(signal.Signals(number).name)


def _passed_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; SIG_IGN instead would be inherited by every program started from now on."""
