"""What an interruption breaks off is not warned of: where warnings are errors it would change the exit code."""

import subprocess
import sys

OPENS = """
import contextlib, signal, sys, warnings
from rollback import signals
warnings.simplefilter("error")
sys.unraisablehook = lambda args: print("unraisable:", args.exc_value)
signals.as_keyboard_interrupt()

def broken_off():
    file = open(sys.executable, "rb")
    {then}

with contextlib.suppress(KeyboardInterrupt):
    broken_off()
"""
DESTROYS = """
import signal, sys
from rollback import signals
sys.unraisablehook = lambda args: print("unraisable:", repr(args.exc_value))
signals.as_keyboard_interrupt()

class Closes:
    def __del__(self):
        {then}

before = signals.heard()
Closes()
signals.check(before)
"""


def run(script: str, then: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", script.format(then=then)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_file_that_a_signal_leaves_open_is_not_warned_of() -> None:
    ended = run(OPENS, "signal.raise_signal(signal.SIGINT)")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert run(OPENS, "pass").stdout.startswith("unraisable: unclosed file"), "without a signal it still is"


def test_a_signal_that_a_destructor_swallows_is_raised_later_and_not_reported() -> None:
    ended = run(DESTROYS, "signal.raise_signal(signal.SIGTERM)")
    assert (ended.stdout, ended.stderr.splitlines()[-1]) == ("", "KeyboardInterrupt: SIGTERM")
    assert run(DESTROYS, "1 / 0").stdout.startswith("unraisable: ZeroDivisionError"), "anything else still is"
