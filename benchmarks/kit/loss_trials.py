"""Losses that are known: a store confirms writes and then loses some; ledger and judge must find exactly those.

Every trial is a drill folder of its own, judged as any drill's: the store's fault is the injection.  What is drawn:

    newest      the newest 1 to 30 confirmed writes are gone (a replica that was behind)
    scattered   1 to 12 of the newest 40, any of them
    deposed     the newest 1 to 10, and every write confirmed for 100 to 200 ms after the fault (a server that goes on
                confirming what it does not keep)
    none        nothing is lost

and in a third of all trials each: for 60 to 120 ms writes are stored and never confirmed (recovered, or lost without
anyone having been promised them); 1 to 3 rows are stored twice; 1 or 2 rows are there that nobody wrote.

True RPO: from the store's confirmation of the oldest lost write to the fault, or to the newest write confirmed and
lost if that is later; a loss counts as one interval at least; 0 when nothing confirmed is lost.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.kit.running import Scripted
from probes import handle
from probes.watching import INTERVAL_S, TIMEOUT_S
from reports import data, measures, trial
from reports.folder import read_drill
from reports.shapes import NS

WINDOW_S = 0.2  # of the clean start only; a trial has no outage
INTERVAL_NS = int(INTERVAL_S * NS)
KINDS = ("newest", "scattered", "deposed", "none")
STEADY_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What happens in one trial."""

    kind: str
    positions: tuple[int, ...]  # of the lost among the confirmed, counted from the newest
    deposed_s: float
    unconfirmed_s: float
    double: tuple[int, ...]  # positions of the rows stored twice
    foreign: tuple[int, ...]
    wait_s: float


@dataclass(frozen=True, kw_only=True)
class Found:
    """How one trial came out."""

    kind: str
    writes_exact: bool  # lost, recovered, unexpected, duplicates: as the store says, number by number
    rpo_exact: bool  # to the nanosecond, by the ledger's own stamps
    rpo_bounded: bool  # within the stated bound of the store's own stamps
    rpo_error_ns: int | None
    lost: int
    told: dict[str, Any]


def draw(rng: random.Random, number: int) -> Plan:
    """Draw a trial."""
    kind = KINDS[number % len(KINDS)]
    lost = {
        "newest": range(rng.randint(1, 30)),
        "scattered": sorted(rng.sample(range(40), rng.randint(1, 12))),
        "deposed": range(rng.randint(1, 10)),
        "none": (),
    }[kind]
    return Plan(
        kind=kind,
        positions=tuple(lost),
        deposed_s=rng.uniform(0.1, 0.2) if kind == "deposed" else 0.0,
        unconfirmed_s=rng.uniform(0.06, 0.12) if rng.random() < 1 / 3 else 0.0,
        double=tuple(range(rng.randint(1, 3))) if rng.random() < 1 / 3 else (),
        foreign=tuple(range(-rng.randint(1, 2), 0)) if rng.random() < 1 / 3 else (),
        wait_s=rng.uniform(0.3, 1.0),
    )


def play(*, seed: int, count: int, lanes: int, on_progress: Callable[[int], None]) -> list[Found]:
    """Play `count` trials, `lanes` at a time, on as many services."""
    rng = random.Random(seed)
    plans = [draw(rng, number) for number in range(count)]
    free: SimpleQueue[Scripted] = SimpleQueue()
    services = [Scripted() for _ in range(lanes)]
    for service in services:
        free.put(service)

    def one(number: int) -> Found:
        service = free.get()
        try:
            return _trial(service, plans[number], f"trial-{number}")
        finally:
            free.put(service)

    found = []
    try:
        with ThreadPoolExecutor(lanes) as threads:
            for done in threads.map(one, range(count)):
                found.append(done)
                on_progress(len(found))
    finally:
        for service in services:
            service.__exit__()
    return found


def _trial(service: Scripted, plan: Plan, name: str) -> Found:
    with tempfile.TemporaryDirectory(prefix="drillyard-losses-") as folder:
        ledger = {"name": "orders", "kind": "orders", "url": service.url, "id": name}
        spec = {"interval_s": INTERVAL_S, "timeout_s": TIMEOUT_S, "window_s": WINDOW_S, "streams": []}
        with handle.start({**spec, "folder": folder, "ledgers": [ledger]}) as client:
            client.steady(0, STEADY_S)
            began_ns, fault_ns = _hurt(service, plan, name)
            client.steady(time.monotonic_ns(), STEADY_S)
            client.finish(STEADY_S)
        true = service.tell(do="truth", ledger=name)
        _lay(Path(folder), began_ns, fault_ns)
        return _compared(Path(folder), plan, true, fault_ns)


def _hurt(service: Scripted, plan: Plan, name: str) -> tuple[int, int]:
    """Make it happen; returns when the fault began to be injected, and when the store stamped it."""
    time.sleep(plan.wait_s)  # so much is written before
    if plan.unconfirmed_s:
        service.tell(do="play", episodes=[[("commit-reset", plan.unconfirmed_s)]])
        time.sleep(4 * INTERVAL_S)  # confirmed again up to the fault
    service.tell(do="add", ledger=name, double=plan.double, foreign=plan.foreign)
    began_ns = time.monotonic_ns()
    then = {"then": "lose"} if plan.deposed_s else {}
    fault_ns = int(service.tell(do="forget", ledger=name, positions=plan.positions, **then)["at_ns"])
    if plan.deposed_s:
        time.sleep(plan.deposed_s)
        service.tell(do="enter", mode="up")
    return began_ns, fault_ns


def _lay(folder: Path, began_ns: int, fault_ns: int) -> None:
    """Write what the harness would have left beside the client's records."""
    objective = {
        "drill": "losses", "title": "a store loses what it confirmed", "component": "orders", "rto_s": 10, "rpo_s": 0,
        "severity": "p1", "schedule": "monthly", "spares": [], "streams": ["orders"], "ledgers": ["orders"],
        "interval_s": INTERVAL_S, "window_s": WINDOW_S, "timeout_s": TIMEOUT_S,
    }  # fmt: skip
    stamps = {"inject_started_ns": began_ns, "injected_at_ns": fault_ns, "bite": True}
    injection = {"id": "i1", "fault": "forget", "target": "scripted", "plan": {}, **stamps}
    (folder / "objective.json").write_text(json.dumps(objective))
    (folder / "injections").mkdir()
    (folder / "injections" / "i1.json").write_text(json.dumps(injection))


def _compared(folder: Path, plan: Plan, true: dict[str, Any], fault_ns: int) -> Found:
    """Hold the judge's numbers against the store's."""
    drill, told = read_drill(folder), measures.judge(folder)
    hit = trial.fault(drill)
    assert hit
    assert drill.objective
    measured = data.measure(drill, drill.objective, hit)
    books, rpo_ns = measured.accounts[0].books, measured.rpo_ns
    done = {w.seq: w.done_ns for w in drill.writes if w.outcome == "acked"}
    sets = (sorted(books.lost or ()), sorted(books.recovered or ()), sorted(books.unexpected or ()))
    counted = told.writes.lost == len(true["lost"]) and told.writes.duplicates == true["duplicates"]
    by_store = _rpo(true["lost_acked_ns"], fault_ns)
    error_ns = None if rpo_ns is None else rpo_ns - by_store
    return Found(
        kind=plan.kind,
        writes_exact=counted and sets == (true["lost"], true["recovered"], true["unexpected"]),
        rpo_exact=rpo_ns == _rpo([done[seq] for seq in true["lost"] if seq in done], fault_ns),
        rpo_bounded=error_ns is not None and abs(error_ns) <= measured.bound_ns,
        rpo_error_ns=error_ns,
        lost=len(true["lost"]),
        told={"plan": asdict(plan), "rpo_ns": rpo_ns, "true_rpo_ns": by_store, "seen": sets, "true": true},
    )


def _rpo(acked_ns: list[int], fault_ns: int) -> int:
    """Give the RPO that follows from these confirmations of lost writes."""
    return max(INTERVAL_NS, max(fault_ns, *acked_ns) - min(acked_ns)) if acked_ns else 0
