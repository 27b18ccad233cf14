"""Queue jobs: POST /jobs enqueues number n, GET /jobs?ledger= lists the executions, one entry each time a job was done.

The list is complete only once nothing waits any more; until then reading it fails, and is tried again.  A queue that
delivers at least once may do a job twice, which shows as a duplicate; a job that is accepted, not done, and in no queue
for longer than the service needs to notice that, is lost.
"""

import asyncio
import json
from typing import Any
from urllib.parse import quote

from probes.attempt import Attempt, NoAnswer, Refusal
from probes.spec import LedgerSpec
from probes.subjects import Ledger
from probes.wire.http import Answer, exchange, prepare

NOTICED_S = 5.0  # the service enqueues again, within 2 s, what its queue has lost


def ledger(spec: LedgerSpec) -> Ledger:
    """Enqueue through the API at `url` (its root)."""
    root = spec.url.rstrip("/")
    prepare(root)  # a bad URL is told now

    async def write(seq: int, attempt: Attempt) -> None:
        body = json.dumps({"ledger": spec.id, "seq": seq})
        judge(await exchange(prepare(f"{root}/jobs", "POST", body), attempt))

    nowhere_since: float | None = None

    async def read() -> list[int]:
        nonlocal nowhere_since
        answer = await exchange(prepare(f"{root}/jobs?ledger={quote(spec.id, safe='')}"), Attempt())
        seqs, undone, queued = _listing(answer)
        now = asyncio.get_running_loop().time()
        nowhere_since = None if queued else nowhere_since or now
        if queued or (undone and nowhere_since and now - nowhere_since < NOTICED_S):
            raise NoAnswer(f"the queue is not drained: {undone} of the jobs are not done, {queued} entries wait")
        return seqs

    return Ledger(write=write, read=read)


def judge(answer: Answer) -> None:
    """Return when the job is accepted, raise Refusal when it is certain that it was not.

    A 503 settles that only if it is the API's own: a gateway says 503 also after it passed the job on.
    """
    if answer.status == 202:
        return
    told = f"HTTP {answer.status}: {answer.body[:80].decode(errors='replace')}"
    if 400 <= answer.status < 500 or (answer.status == 503 and "error" in _object(answer.body)):
        raise Refusal(told)
    raise NoAnswer(told)


def _listing(answer: Answer) -> tuple[list[int], int, int]:
    found = _object(answer.body)
    if answer.status != 200 or not {"seqs", "open", "queued"} <= set(found):
        raise NoAnswer(f"HTTP {answer.status}: {answer.body[:80].decode(errors='replace')}")
    return [int(seq) for seq in found["seqs"]], int(found["open"]), int(found["queued"])


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
