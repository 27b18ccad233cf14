"""What the client leaves behind: one JSON object a line, written as it happens; a SIGKILL only makes it shorter."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from probes.attempt import ACKED, NoAnswer, Refusal, one_line
from probes.sampler import Done

Read = Callable[[], Awaitable[list[int]]]


class Records:
    """The files samples.jsonl, writes.jsonl and final_read.json of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._samples = (folder / "samples.jsonl").open("w", buffering=1)
        self._writes = (folder / "writes.jsonl").open("w", buffering=1)

    def sample(self, done: Done) -> None:
        """Note a stream's finished request."""
        line = {"stream": done.source, "seq": done.seq, **_times(done)}
        line |= {"ok": done.outcome == ACKED, "error": done.error}
        self._samples.write(json.dumps(line) + "\n")

    def write(self, done: Done) -> None:
        """Note a ledger's finished write."""
        line = {"ledger": done.source, "seq": done.seq, **_times(done), "outcome": done.outcome, "error": done.error}
        self._writes.write(json.dumps(line) + "\n")

    async def read_back(self, reads: Mapping[str, Read], budget_s: float) -> None:
        """Read all ledgers completely and note it in final_read.json; what cannot be read is noted with its error."""
        found = await asyncio.gather(*(_read(read, budget_s) for read in reads.values()))
        path = self._folder / "final_read.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps(dict(zip(reads, found, strict=True))))
        part.replace(path)


def _times(done: Done) -> dict[str, int]:
    return {"intended_ns": done.intended_ns, "sent_ns": done.sent_ns, "done_ns": done.done_ns}


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
