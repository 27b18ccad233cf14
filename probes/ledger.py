"""`python -m probes ledger SYSTEM --component X`: numbered writes by hand, read back, and what became of them."""

import json
import sys
import time
import uuid
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from probes import watching
from probes.books import Books, Rpo, books, rpo, seconds
from probes.byhand import Clock, Screen, follow, milliseconds, running, told
from probes.public import harmless
from probes.stopwatch import NS, Outage, Stopwatch, Tally, Tick
from targets import systems, where
from targets.target import BadInput, attach

FINISH_S = 10.0  # on top of the last writes' timeout and the reading
SHOWN = 20  # lost numbers that are named
KEPT, BROKEN, CANNOT_TELL = 0, 1, 3  # 2 is bad input


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asked for; times in seconds."""

    system: str
    component: str
    target: str | None = None
    every_s: float | None = None  # None: as the system's file says, else 20 ms
    for_s: float | None = None
    timeout_s: float = 1.0
    read_s: float = 60.0
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Closed:
    """A finished ledger."""

    ledger: str
    books: Books
    rpo: Rpo
    outages: tuple[Outage, ...]
    lag_max_ns: int
    read_error: str | None


def run(asked: Asked) -> int:
    """Write until the time is over or Ctrl-C, read back, tell; returns the exit code. BadInput for bad input."""
    keeper = Keeper(asked, _ledger(asked))
    with running(keeper.spec, "writes.jsonl") as client, keeper.screen as screen:
        screen.say(f"writing into {keeper.name} ({keeper.id}) every {milliseconds(keeper.interval_ns)}")
        follow(client, keeper.take, asked.for_s)
        keeper.reading_since_ns = time.monotonic_ns()
        screen.say(f"reading everything back, {asked.read_s:g} s at most")
        client.client.finish(asked.timeout_s + max(asked.read_s, 10 * asked.timeout_s) + FINISH_S)
        for tick in client.ticks.read():
            keeper.take(tick)
        final = json.loads((client.folder / "final_read.json").read_text())[keeper.name]
    closed = keeper.close(final)
    if asked.as_json:
        print(json.dumps(as_json(closed)), flush=True)
    for line in summary(closed):
        keeper.screen.say(line)
    return verdict(closed)


def _ledger(asked: Asked) -> dict[str, Any]:
    """Find the ledger that is meant. BadInput when the system's file describes none."""
    system = systems.load(asked.system)
    target = attach(asked.target) if asked.target else where.target()
    numbered = f"by-hand-{uuid.uuid4().hex[:12]}"
    found = watching.ledgers(target, system, asked.component, ledger_id=numbered)
    if not found:
        raise BadInput(f"system {system.name!r}: components.{asked.component} has no `ledger`: say where it is kept")
    return found[0]


class Keeper:
    """The ledger while it is written."""

    def __init__(self, asked: Asked, ledger: dict[str, Any]) -> None:
        every_s = asked.every_s or ledger["interval_s"] or watching.INTERVAL_S
        window_s = max(watching.WINDOW_S, watching.TICKS * every_s)
        self.spec: dict[str, Any] = {"interval_s": every_s, "timeout_s": asked.timeout_s, "read_s": asked.read_s}
        self.spec |= {"window_s": window_s, "ledgers": [ledger | {"interval_s": None}]}
        self.name, self.id = str(ledger["name"]), str(ledger["id"])
        self.screen = Screen(sys.stderr if asked.as_json else sys.stdout, self.below)
        self.reading_since_ns = 0  # 0 while it is written
        self._writes: list[Tick] = []
        self._outages: list[Outage] = []
        self.interval_ns = int(every_s * NS)
        self._stopwatch = Stopwatch(interval_ns=self.interval_ns, window_ns=int(window_s * NS))
        self._tally, self._clock = Tally(), Clock()

    def take(self, tick: Tick) -> None:
        """Count a write, and tell at once when writes begin to fail, or are taken again."""
        before = self._stopwatch.open
        self._writes.append(tick)
        self._tally.take(tick)
        self._tell(self._stopwatch.take(tick))
        if self._stopwatch.open is not before and not tick.ok:
            why = harmless(tick.error or "no reason given")
            self.screen.say(f"{self._clock.at(tick.intended_ns)} write {tick.seq} {tick.outcome}: {why}")

    def _tell(self, outage: Outage | None) -> None:
        if outage:
            self._outages.append(outage)
            self.screen.say(f"outage {len(self._outages)}: {told(outage, self._clock)}")

    def close(self, final: dict[str, Any]) -> Closed:
        """Close the books with what was read back."""
        self._tell(self._stopwatch.end())
        read: list[int] | None = final["seqs"] if final["complete"] else None
        closed = books(self._writes, read)
        error = None if closed.lost is not None else harmless(final["error"] or "no reason given")
        loss = Rpo(ns=None, why=f"it could not be read back: {error}")
        if closed.lost is not None:
            loss = rpo(self._writes, closed.lost, self._outages, interval_ns=self.interval_ns)
        return Closed(
            ledger=self.id,
            books=closed,
            rpo=loss,
            outages=tuple(self._outages),
            lag_max_ns=self._tally.lag_max_ns,
            read_error=error,
        )

    def below(self) -> RenderableType:
        """Draw what is going on."""
        tally, found = self._tally, self._stopwatch.open
        counts = (
            f"   {tally.requests} writes, {tally.requests - tally.failed} acked   lag {milliseconds(tally.lag_max_ns)}"
        )
        if self.reading_since_ns:
            since_s = (time.monotonic_ns() - self.reading_since_ns) / NS
            return Text.assemble((f" READING BACK {since_s:.1f} s ", "black on cyan"), counts)
        if found is None:
            return Text.assemble((" WRITING ", "black on green"), counts)
        since_s = (time.monotonic_ns() - found.first.intended_ns) / NS
        return Text.assemble((f" FAILING {since_s:.1f} s ", "white on red"), counts)


def summary(closed: Closed) -> list[str]:
    """Tell what became of the writes."""
    found = closed.books
    lines = [f"wrote {found.attempted}: {found.acked} acked, {found.failed} failed, {found.unknown} unknown"]
    if found.lost is None or found.recovered is None or found.unexpected is None:
        lines.append("lost, recovered, unexpected and duplicate are not measured")
    else:
        lines.append(
            f"lost {len(found.lost)}, recovered {len(found.recovered)}, unexpected {len(found.unexpected)}, "
            f"duplicate {found.duplicates}"
        )
        for called, numbers in (("lost", found.lost), ("unexpected", found.unexpected)):
            if numbers:
                more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
                lines.append(f"{called}: {', '.join(str(one) for one in sorted(numbers)[:SHOWN])}{more}")
    bound = f" ± {-(-closed.rpo.bound_ns // 1_000_000) / 1000:.3f} s"
    said = f"not measured: {closed.rpo.why}" if closed.rpo.ns is None else f"{closed.rpo.ns / NS:.3f}{bound}"
    return [*lines, f"RPO {said}", f"own lag: max {milliseconds(closed.lag_max_ns)}"]


def verdict(closed: Closed) -> int:
    """Say what the exit code is to tell."""
    found = closed.books
    if found.lost or found.unexpected:
        return BROKEN
    return KEPT if found.lost is not None and found.acked else CANNOT_TELL


def as_json(closed: Closed) -> dict[str, object]:
    """Write a finished ledger for a program; what was not measured is null."""
    found = closed.books
    lists = {"lost": found.lost, "recovered": found.recovered, "unexpected": found.unexpected}
    return {
        "ledger": closed.ledger,
        "attempted": found.attempted,
        "acked": found.acked,
        "failed": found.failed,
        "unknown": found.unknown,
        **{name: None if one is None else len(one) for name, one in lists.items()},
        "duplicates": found.duplicates,
        "lost_numbers": None if found.lost is None else sorted(found.lost),
        "rpo_s": seconds(closed.rpo.ns),
        "rpo_bound_s": None if closed.rpo.ns is None else seconds(closed.rpo.bound_ns),
        "rpo_not_measured": closed.rpo.why or None,
        "read_error": closed.read_error,
        "outages": [
            {"t1_ns": one.start_ns, "t5_ns": one.end_ns, "bound_s": seconds(one.bound_ns), "kind": one.kind}
            for one in closed.outages
        ],
        "lag_max_s": seconds(closed.lag_max_ns),
    }
