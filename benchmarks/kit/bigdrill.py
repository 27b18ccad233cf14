"""A drill folder with as many ledger rows as asked for, of the client's own form: what the judge is timed on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

INTERVAL_NS = 20_000_000
START_NS = 1_000_000_000_000
DOWN = (0.5, 0.52)  # the share of the record in which the service is down
LOST = 7  # the newest confirmed before the fault


def lay(folder: Path, rows: int) -> None:
    """Write the records of a drill of `rows` writes, one every 20 ms: an outage in its middle, and a few lost rows."""
    down = range(int(rows * DOWN[0]) + 1, int(rows * DOWN[1]) + 1)
    with (folder / "writes.jsonl").open("w") as file:
        file.writelines(_writes(rows, down))
    read = [seq for seq in range(1, rows + 1) if seq not in down and not 0 < down.start - seq <= LOST]
    t0_ns = START_NS + down.start * INTERVAL_NS - INTERVAL_NS // 2
    for name, told in _rest(t0_ns, START_NS + rows * INTERVAL_NS).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(told))
    (folder / "final_read.json").write_text(json.dumps({"orders": {"complete": True, "seqs": read, "error": None}}))
    (folder / "activities.jsonl").write_text("")
    (folder / "samples.jsonl").write_text("")


def _writes(rows: int, down: range) -> Iterator[str]:
    for seq in range(1, rows + 1):
        at = START_NS + seq * INTERVAL_NS
        failed = seq in down
        line = {
            "ledger": "orders",
            "seq": seq,
            "intended_ns": at,
            "sent_ns": at + 90_000 + seq % 7 * 1000,
            "done_ns": at + 2_100_000 + seq % 11 * 10_000,
            "outcome": "failed" if failed else "acked",
            "error": "[Errno 111] Connect call failed ('127.0.0.1', 20000)" if failed else None,
        }
        yield json.dumps(line) + "\n"


def _rest(t0_ns: int, end_ns: int) -> dict[str, dict[str, Any]]:
    return {
        "objective.json": {
            "drill": "big", "title": "a long watch", "component": "orders", "rto_s": 1e6, "rpo_s": 60,
            "severity": "p1", "schedule": "monthly", "spares": [], "streams": ["orders"], "ledgers": ["orders"],
            "interval_s": 0.02, "window_s": 0.5, "timeout_s": 1.0,
        },
        "environment.json": {},
        "injections/i1.json": {
            "id": "i1", "fault": "kill", "target": "none", "plan": {"victims": ["one"]}, "bite": True,
            "inject_started_ns": t0_ns - 1_000_000, "injected_at_ns": t0_ns,
            "heal_started_ns": end_ns - 5_000_000, "healed_at_ns": end_ns,
        },
        "chaostoolkit.json": {
            "status": "completed",
            "steady_states": {"before": {"steady_state_met": True}, "after": {"steady_state_met": True}},
        },
        "session.json": {"recovered": True, "ended_ns": end_ns},
    }  # fmt: skip
