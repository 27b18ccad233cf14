"""A real pseudo-terminal around a command, and enough of a terminal to know what stands on it in the end."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

ROOT = Path(__file__).parent.parent
PATIENCE_S = 120.0
TOKENS = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b[()][A-Z0-9]|[\r\n]|[^\x1b\r\n]+")


class Terminal:
    """A command in the foreground of a terminal of its own: what it writes is Ctrl-C's to stop."""

    def __init__(self, argv: list[str], *, columns: int = 100, env: Mapping[str, str] | None = None) -> None:
        self.seen = b""
        self.pieces: list[tuple[float, bytes]] = []
        self._master, slave = pty.openpty()
        ioctl(slave, TIOCSWINSZ, pack("HHHH", 50, columns, 0, 0))
        clean = {key: value for key, value in os.environ.items() if key not in ("CI", "NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**clean, "TERM": "xterm-256color", **(env or {})},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, 0x540E, 0),  # noqa: PLW1509  TIOCSCTTY: its controlling terminal
        )
        os.close(slave)

    def ctrl_c(self) -> None:
        """Press it."""
        os.write(self._master, b"\x03")

    def read(self, until: Callable[[], object] = lambda: False, *, within: float = PATIENCE_S) -> bool:
        """Take in what is written, until something is true (then True) or the command has ended."""
        deadline = time.monotonic() + within
        while not until():
            assert time.monotonic() < deadline, self.seen.decode(errors="replace")
            if not select.select([self._master], [], [], 0.01)[0]:
                if self.process.poll() is not None:
                    return False
                continue
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # nobody holds the other end any more
                self.process.wait(deadline - time.monotonic())
                return bool(until())
            self.seen += piece
            self.pieces.append((time.monotonic(), piece))
        return True

    def close(self) -> None:
        """End it without grace."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def lines(self) -> list[str]:
        """Give what stands on an endless screen."""
        return screen(self.seen.decode(errors="replace"))


def screen(written: str) -> list[str]:
    """Carry out the few control sequences that are used here; anything else stays to be seen."""
    rows, row, column = [""], 0, 0
    for token in TOKENS.finditer(written):
        count, letter, text = token[1], token[2], token[0]
        if text == "\n":
            row, rows = row + 1, rows + [""] * (row + 2 - len(rows))
        elif text == "\r":
            column = 0
        elif letter == "A":
            row -= int(count or 1)
        elif letter == "J":
            rows = [*rows[:row], rows[row][:column]]
        elif letter == "K":
            rows[row] = rows[row][:column]
        elif not text.startswith("\x1b"):
            rows[row] = rows[row][:column].ljust(column) + text + rows[row][column + len(text) :]
            column += len(text)
    return [line.rstrip() for line in rows]
