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


def said(then: str) -> str:
    argv = [sys.executable, "-c", OPENS.format(then=then)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_a_file_that_a_signal_leaves_open_is_not_warned_of() -> None:
    assert said("signal.raise_signal(signal.SIGINT)") == ""
    assert said("pass").startswith("unraisable: unclosed file"), "without a signal it still is"
