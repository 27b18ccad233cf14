"""Deaths that Python can hear become KeyboardInterrupt, and an undo is not interrupted by them."""

import contextlib
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from types import FrameType
from typing import Any

DEADLY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

_heard: list[int] = []
_held: list[int] | None = None  # signals that wait for `release`; None: they are not held
_before: dict[int, Any] = {}  # the handlers that this process had


def as_keyboard_interrupt() -> None:
    """Let every deadly signal unwind the stack as Ctrl-C does, so that teardowns run. Main thread only."""
    for number in DEADLY:
        _before.setdefault(number, signal.signal(number, _interrupt))


def give_back() -> None:
    """Restore what was before; after an interruption, be deaf: Python ends under the default handlers otherwise.

    Whoever presses Ctrl-C once more gets the exit code that the session has earned.
    """
    if threading.current_thread() is threading.main_thread():
        for number, handler in _before.items():
            signal.signal(number, signal.SIG_IGN if _heard else handler)
        _before.clear()


def hold() -> None:
    """Let deadly signals wait for `release`: for code of others that an interruption would break."""
    global _held  # noqa: PLW0603  one process, one set of handlers
    _held = _held if _held is not None else []


def release() -> None:
    """Let them through again; KeyboardInterrupt when one has waited."""
    global _held
    waited, _held = _held, None
    if waited:
        _interrupt(waited[0], None)


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
    if _heard:
        _let_the_collector_close()
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
    if _held is not None:
        _held.append(number)
        return
    _heard.append(number)
    _let_the_collector_close()
    _let_destructors_be_interrupted()
    raise KeyboardInterrupt(signal.Signals(number).name)


def _let_the_collector_close() -> None:
    """Warn of no file or pipe that nobody has closed: the one whose opening a signal broke off is nobody's.

    Where warnings are errors, the session would end with another exit code than the one it has earned.
    """
    warnings.simplefilter("ignore", ResourceWarning)


def _let_destructors_be_interrupted() -> None:
    """Report no interruption that a destructor swallowed: it was heard, and `check` raises it again."""
    before = sys.unraisablehook

    def report(unraisable: "sys.UnraisableHookArgs") -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)

    sys.unraisablehook = report


def _passed_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing; SIG_IGN instead would be inherited by every program started from now on."""
