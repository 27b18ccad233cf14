"""Deaths that Python can hear become KeyboardInterrupt, and an undo is not interrupted by them."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

DEADLY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def as_keyboard_interrupt() -> None:
    """Let every deadly signal unwind the stack as Ctrl-C does, so that teardowns run. Main thread only."""
    for number in DEADLY:
        signal.signal(number, _interrupt)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Hold deadly signals and alarms back while the block runs; they are raised again at its end."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    caught: list[int] = []
    number: int
    held = {n: signal.signal(n, lambda number, _: caught.append(number)) for n in (*DEADLY, signal.SIGALRM)}
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(caught):
            signal.raise_signal(number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
