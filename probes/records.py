"""What the client leaves behind: a JSON object a line, written at most 20 ms later; a SIGKILL only makes it shorter."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from probes.attempt import ACKED, NoAnswer, Refusal, one_line
from probes.sampler import Done

SAMPLES, WRITES, FINAL_READ = "samples.jsonl", "writes.jsonl", "final_read.json"
TOGETHER_S = 0.02  # for how long lines are gathered: a SIGKILL takes so much of the record along

Read = Callable[[], Awaitable[list[int]]]
Put = Callable[[str, str], None]  # a file's name, and what is to go there


def filed(folder: Path) -> Put:
    """Put them into the files of a folder: lines at the end of theirs, the final read as a whole."""
    files = {name: (folder / name).open("w") for name in (SAMPLES, WRITES)}

    def put(name: str, text: str) -> None:
        if name in files:
            files[name].write(text)
            files[name].flush()
        else:
            part = (folder / name).with_suffix(".part")
            part.write_text(text)
            part.replace(folder / name)

    return put


class Records:
    """What goes into samples.jsonl, writes.jsonl and final_read.json."""

    def __init__(self, put: Put) -> None:
        self._put = put
        self._lines: dict[str, list[str]] = {SAMPLES: [], WRITES: []}
        self._due = False

    def sample(self, done: Done) -> None:
        """Note a stream's finished request."""
        good = done.outcome == ACKED
        said = '"ok": true, "error": null}' if good else f'"ok": false, "error": {json.dumps(done.error)}}}'
        self._note(SAMPLES, f'{{"stream": {_text(done.source)}, {_times(done)}, {said}\n')

    def write(self, done: Done) -> None:
        """Note a ledger's finished write."""
        said = f'"outcome": "{done.outcome}", "error": {json.dumps(done.error)}}}'
        self._note(WRITES, f'{{"ledger": {_text(done.source)}, {_times(done)}, {said}\n')

    def _note(self, name: str, line: str) -> None:
        """Write lines together soon: a system call for each costs more than all else about them."""
        self._lines[name].append(line)
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(TOGETHER_S, self.flush)

    def flush(self) -> None:
        """Write what was noted, whole lines in one go."""
        self._due = False
        for name, lines in self._lines.items():
            if lines:
                self._put(name, "".join(lines))
                lines.clear()

    async def read_back(self, reads: Mapping[str, Read], budget_s: float) -> None:
        """Read all ledgers completely and note it in final_read.json; what cannot be read is noted with its error."""
        self.flush()
        found = await asyncio.gather(*(_read(read, budget_s) for read in reads.values()))
        self._put(FINAL_READ, json.dumps(dict(zip(reads, found, strict=True))))


_text = cache(json.dumps)  # of the few names there are


def _times(done: Done) -> str:
    """Give the numbers of a line: written by hand, since the client may note ten thousand a second."""
    stamps = f'"intended_ns": {done.intended_ns}, "sent_ns": {done.sent_ns}, "done_ns": {done.done_ns}'
    return f'"seq": {done.seq}, {stamps}'


async def _read(read: Read, budget_s: float) -> dict[str, Any]:
    """Read one ledger in one go, again until it succeeds: the system has recovered, or is about to."""
    until_ns = time.monotonic_ns() + int(budget_s * 1e9)
    error = "no time"
    while (left_s := (until_ns - time.monotonic_ns()) / 1e9) > 0:
        started_ns = time.monotonic_ns()
        try:
            seqs = await asyncio.wait_for(read(), left_s)
        except TimeoutError:
            error = f"no complete answer within {left_s:.1f} s"
        except (NoAnswer, Refusal, OSError, EOFError) as failure:
            error = one_line(failure)
            await asyncio.sleep(0.1)
        else:
            return _final(seqs, started_ns, None)
    return _final(None, started_ns, error)


def _final(seqs: list[int] | None, started_ns: int, error: str | None) -> dict[str, Any]:
    return {
        "complete": seqs is not None,
        "seqs": seqs or [],
        "started_ns": started_ns,
        "done_ns": time.monotonic_ns(),
        "error": error,
    }
