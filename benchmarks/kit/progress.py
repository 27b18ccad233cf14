"""How far a benchmark has come, on stderr: one line that changes on a terminal, a line now and then in a pipe."""

import sys
import threading
import time

EVERY_S = 5.0


class Progress:
    """Call it with a text; may be called from several threads."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()
        self._told = float("-inf")
        self._turn = threading.Lock()

    def __call__(self, text: str) -> None:
        """Tell where it stands."""
        with self._turn:
            now = time.monotonic()
            if not self._live and now - self._told < EVERY_S:
                return
            self._told = now
            line = f"[{now - self._began:4.0f} s] {text}"
            sys.stderr.write(f"\r\x1b[K{line[:110]}" if self._live else f"{line}\n")
            sys.stderr.flush()

    def done(self) -> None:
        """Clear the line."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
