"""The lab's orders: POST /orders numbers, GET /orders?ledger= lists them; one entry per stored row."""

import json
from urllib.parse import quote

from probes.attempt import Attempt, NoAnswer, Refusal
from probes.spec import LedgerSpec
from probes.subjects import Ledger
from probes.wire.http import Answer, exchange, prepare


def ledger(spec: LedgerSpec) -> Ledger:
    """Write through the API at `url` (its root)."""
    root = spec.url.rstrip("/")
    prepare(root)  # a bad URL is told now

    async def write(seq: int, attempt: Attempt) -> None:
        body = json.dumps({"ledger": spec.id, "seq": seq})
        judge(await exchange(prepare(f"{root}/orders", "POST", body), attempt))

    async def read() -> list[int]:
        answer = await exchange(prepare(f"{root}/orders?ledger={quote(spec.id, safe='')}"), Attempt())
        if answer.status != 200:
            raise NoAnswer(f"HTTP {answer.status}: {answer.body[:80].decode(errors='replace')}")
        return [int(seq) for seq in _object(answer.body)["seqs"]]

    return Ledger(write=write, read=read)


def judge(answer: Answer) -> None:
    """Return when the order is confirmed, raise Refusal when it is certain that it was not taken.

    A 503 settles that only if it is the API's own: a gateway says 503 also after it passed the order on.
    """
    if answer.status == 201:
        return
    told = f"HTTP {answer.status}: {answer.body[:80].decode(errors='replace')}"
    if 400 <= answer.status < 500 or (answer.status == 503 and "error" in _object(answer.body)):
        raise Refusal(told)
    raise NoAnswer(told)


def _object(body: bytes) -> dict[str, list[int]]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
