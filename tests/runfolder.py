"""Hand-made run folders for the tests of reports: small builders, times in seconds after the fault's confirmation."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

T0 = 1_000_000_000_000
INTERVAL = 0.02


def ns(seconds: float) -> int:
    """Place a moment, given in seconds after t0, on the clock."""
    return T0 + round(seconds * 1e9)


def ticks(start: float = -2.0, end: float = 5.0, step: float = INTERVAL) -> Iterator[float]:
    """List intended times, counted in whole steps so that no rounding creeps in."""
    return (number * step for number in range(round(start / step), round(end / step)))


Down = Callable[[float], bool]


def between(*spans: tuple[float, float]) -> Down:
    """Say when a service is down: begin <= t < end."""
    return lambda at: any(begin - 1e-9 <= at < end - 1e-9 for begin, end in spans)


UP = between()


def requests(
    stream: str = "api",
    down: Down = UP,
    *,
    times: Iterable[float] | None = None,
    lag: Callable[[float], float] = lambda at: 0.0,  # noqa: ARG005
    took: float = 0.002,
) -> list[dict[str, Any]]:
    """Make the samples of a stream."""
    return [
        {
            "stream": stream,
            "intended_ns": ns(at),
            "sent_ns": ns(at + lag(at)),
            "done_ns": ns(at + lag(at) + took),
            "ok": not down(at),
            "error": "503 down" if down(at) else None,
        }
        for at in (ticks() if times is None else times)
    ]


def writes(
    ledger: str = "orders",
    down: Down = UP,
    *,
    times: Iterable[float] | None = None,
    outcome: str = "failed",
) -> list[dict[str, Any]]:
    """Make the writes of a ledger, numbered from 1; acked except where it is down."""
    return [
        {
            "ledger": ledger,
            "seq": seq,
            "intended_ns": ns(at),
            "sent_ns": ns(at),
            "done_ns": ns(at + 0.002),
            "outcome": outcome if down(at) else "acked",
            "error": "503 down" if down(at) else None,
        }
        for seq, at in enumerate(ticks() if times is None else times, 1)
    ]


def acked(rows: list[dict[str, Any]]) -> list[int]:
    """List the numbers that were confirmed."""
    return [row["seq"] for row in rows if row["outcome"] == "acked"]


def activity(name: str, phase: str = "after", **more: Any) -> dict[str, Any]:
    """Make one activity: a probe within its tolerance."""
    return {
        "name": name,
        "kind": "probe",
        "phase": phase,
        "started_ns": ns(3.0),
        "ended_ns": ns(3.01),
        "status": "succeeded",
        "output": 1,
        "tolerance_met": True,
        "error": None,
        **more,
    }


def injection(**more: Any) -> dict[str, Any]:
    """Make a kill that bit and was put back."""
    return {
        "id": "i1",
        "drill": "api-killed",
        "fault": "kill",
        "target": "local:/somewhere",
        "plan": {"victims": ["api-1"]},
        "planned_at_ns": ns(-0.02),
        "inject_started_ns": ns(-0.01),
        "injected_at_ns": ns(0),
        "bite": True,
        "heal_started_ns": ns(3.5),
        "healed_at_ns": ns(3.7),
        "residue": [],
        "error": None,
        "healed_by": "teardown",
        **more,
    }


def prepared(**more: Any) -> dict[str, Any]:
    """Make an injection that set the stage, 1.3 s before the blow."""
    stamps = {"inject_started_ns": ns(-1.31), "injected_at_ns": ns(-1.3), "heal_started_ns": ns(3.7)}
    return injection(**{"id": "i0", "fault": "delay", "prepares": True, **stamps, "healed_at_ns": ns(3.71), **more})


def objective(**more: Any) -> dict[str, Any]:
    """Make an objective of 2 s and no loss."""
    return {
        "drill": "api-killed",
        "title": "Every API replica is killed",
        "component": "api",
        "rto_s": 2.0,
        "rpo_s": 0.0,
        "severity": "p1",
        "schedule": "monthly",
        "spares": [],
        "streams": ["api", "orders"],
        "ledgers": ["orders"],
        "interval_s": INTERVAL,
        "window_s": 0.5,
        "timeout_s": 1.0,
        "recovered_by": "system",
        "experiment": "api-killed",
        **more,
    }


def final_read(seqs: list[int], **more: Any) -> dict[str, Any]:
    """Make the final read of the ledger `orders`."""
    row = {"complete": True, "seqs": seqs, "started_ns": ns(5.1), "done_ns": ns(5.2), "error": None, **more}
    return {"orders": row}


def chaostoolkit(*, before: bool | None = True, after: bool | None = True) -> dict[str, Any]:
    """Make a journal of chaostoolkit."""
    met = {"before": before, "after": after}
    states = {when: None if state is None else {"steady_state_met": state} for when, state in met.items()}
    return {"status": "completed", "deviated": after is False, "steady_states": states}


def session(**more: Any) -> dict[str, Any]:
    """Make the harness's last words: all went well."""
    return {"recovered": True, "why_not": None, "error": None, "ended_ns": ns(5.3), **more}


OUTAGE = between((0.1, 1.1))  # callers were not served for a second


@dataclass(kw_only=True)
class Records:
    """A drill's records; as they stand, a drill that was met with an RTO of 1.1 s. None: the file is missing."""

    objective: Any = field(default_factory=objective)
    environment: Any = field(default_factory=lambda: {"cores": 2})
    samples: Any = field(default_factory=lambda: requests(down=OUTAGE))
    writes: Any = field(default_factory=lambda: writes(down=OUTAGE))
    final_read: Any = "everything that was acked"
    activities: Any = field(default_factory=lambda: [activity("it serves", "before"), activity("it serves", "after")])
    chaostoolkit: Any = field(default_factory=chaostoolkit)
    injections: Any = field(default_factory=lambda: [injection()])
    session: Any = field(default_factory=session)
    clock: Any = None  # the client ran on the harness's machine
    outside: Any = None  # there was no second client

    def lay(self, folder: Path) -> Path:
        """Write them into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.final_read == "everything that was acked":
            self.final_read = final_read(acked(self.writes))
        for name in ("objective", "environment", "final_read", "chaostoolkit", "session", "clock"):
            if getattr(self, name) is not None:
                (folder / f"{name}.json").write_text(json.dumps(getattr(self, name)))
        for name in ("samples", "writes", "activities"):
            if getattr(self, name) is not None:
                text = "".join(json.dumps(row) + "\n" for row in getattr(self, name))
                (folder / f"{name}.jsonl").write_text(text)
        if self.outside is not None:
            (folder / "outside").mkdir()
            text = "".join(json.dumps(row) + "\n" for row in self.outside)
            (folder / "outside" / "samples.jsonl").write_text(text)
        for row in self.injections:
            (folder / "injections").mkdir(exist_ok=True)
            (folder / "injections" / f"{row['id']}.json").write_text(json.dumps(row))
        return folder


def run(folder: Path, *, started_at: str = "2026-11-21T04:00:00+00:00") -> Path:
    """Make a run folder without drills."""
    folder.mkdir(parents=True, exist_ok=True)
    row = {"id": folder.name, "started_at": started_at, "target": "local", "system": "lab", "versions": {}}
    (folder / "run.json").write_text(json.dumps(row))
    return folder
