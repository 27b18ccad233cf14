"""Following what the client records, while it does: its ticks, each as soon as all before it are known."""

import json
from collections.abc import Iterator
from pathlib import Path

from probes.attempt import ACKED, FAILED
from probes.stopwatch import Tick


class Following:
    """Reads samples.jsonl or writes.jsonl of one source. An answer may overtake another: they are put in order.

    The file is unlinked at once: its space is free again when both ends have closed it, whoever dies how.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        path.unlink()
        self._rest = b""
        self._early: dict[int, Tick] = {}
        self.next = 1  # the number of the first tick whose result is not known

    def read(self) -> Iterator[Tick]:
        """Give the ticks that are new and in order."""
        while chunk := self._file.read(1 << 16):
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for tick in map(_tick, lines):
                self._early[tick.seq] = tick
            while tick_ := self._early.pop(self.next, None):
                self.next += 1
                yield tick_

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _tick(line: bytes) -> Tick:
    row = json.loads(line)
    return Tick(
        seq=row["seq"],
        intended_ns=row["intended_ns"],
        sent_ns=row["sent_ns"],
        done_ns=row["done_ns"],
        outcome=row.get("outcome") or (ACKED if row["ok"] else FAILED),
        error=row["error"],
    )
