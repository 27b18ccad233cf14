"""The same outages in the same run, seen by our client and by what people use today.

Answers that break off in the middle (`cut`) are left out: at the first of them chaostoolkit's continuous hypothesis
ends for good, with an exception that it does not catch, and all that is compared here is how closely each looks.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.kit import watchers
from benchmarks.kit.match import Pair, match
from benchmarks.kit.outage_trials import INTERVAL_NS, WINDOW_NS
from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.running import Scripted
from benchmarks.kit.scripts import MODES, NS, Episode, Truth
from benchmarks.kit.stats import percentile
from benchmarks.kit.tables import number, table
from probes import handle
from probes.watching import INTERVAL_S, TIMEOUT_S, WINDOW_S
from reports.folder import read_drill
from reports.outages import Outage, outages

SHORTEST_S, LONGEST_S = 0.1, 12.0
CALM_S = (3.0, 8.0)
LONG_S = 30.0
OURS = "drillyard, 20 ms"
REMARKS = """\
A downtime goes from the first look that failed to the next that did not; one that was missed counts as an error of its
whole length.  Answers that break off are left out: chaostoolkit's hypothesis ends for good at the first of them.
Drillyard's client is the only one at real-time priority, where that is allowed."""


@dataclass(frozen=True, kw_only=True)
class Observer:
    """What one of them made of it."""

    name: str
    pairs: tuple[Pair, ...]
    false: int

    @property
    def missed(self) -> list[Pair]:
        """List what it did not see at all."""
        return [pair for pair in self.pairs if not pair.seen]

    @property
    def errors_s(self) -> list[float]:
        """Give the error of each downtime; of one that was missed, all of it."""
        return [abs(pair.error_ns if pair.seen else pair.truth.lasted_ns) / NS for pair in self.pairs]

    @property
    def reported_s(self) -> float:
        """Give the downtime it reports in all."""
        return sum(((one.end_ns or one.start_ns) - one.start_ns) / NS for pair in self.pairs for one in pair.seen)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--outages", type=int, default=20, help="how many outages (default: 20, under 4 minutes)")
    parser.add_argument("--seed", type=int, default=1)


def script(seed: int, count: int) -> list[Episode]:
    """Draw outages that anybody calls one, whatever his patience: 0.1 to 12 s, log-uniform, with calm between."""
    rng, kinds = random.Random(seed), [kind for kind in MODES if kind != "cut"]
    ratio = LONGEST_S / SHORTEST_S
    lengths = [SHORTEST_S * ratio ** ((at + rng.random()) / count) for at in range(count)]
    rng.shuffle(lengths)
    return [
        Episode(kind=kind, phases=[(MODES[kind], seconds)], calm_s=rng.uniform(*CALM_S))
        for kind, seconds in ((kinds[at % len(kinds)], seconds) for at, seconds in enumerate(lengths))
    ]


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Let all of them watch one service."""
    episodes = script(options.seed, max(1, options.outages))
    truths, everyone = _watched(episodes, say)
    observers = [_observer(name, truths, found) for name, found in everyone.items()]
    ours, *peers = observers
    long = [pair for pair in ours.missed if pair.truth.lasted_ns >= 2 * INTERVAL_NS]
    figures = [
        Figure(name="missed by drillyard", value=len(long), goal=0),
        Figure(name="drillyard's worst |error|", value=1000 * max(ours.errors_s), unit="ms"),
    ]
    figures += [
        Figure(
            name=f"drillyard's |error| in all, as a share of: {peer.name}",
            value=100 * sum(ours.errors_s) / sum(peer.errors_s) if any(peer.errors_s) else None,
            unit="%",
            goal=100,
        )
        for peer in peers
    ]
    seconds = sum(one.seconds for one in episodes)
    return Result(
        parameters={"seed": options.seed, "outages": len(truths), "seconds": round(seconds)},
        told=[
            _table(observers, truths),
            REMARKS,
        ],
        figures=figures,
        details={"observers": [_details(one) for one in observers]},
    )


def _watched(episodes: Sequence[Episode], say: Say) -> tuple[list[Truth], dict[str, Sequence[Outage]]]:
    seconds = sum(one.seconds for one in episodes)
    with tempfile.TemporaryDirectory(prefix="drillyard-peers-") as name, ExitStack() as everything:
        service = everything.enter_context(Scripted())
        stream = {"name": "scripted", "kind": "http", "url": service.url}
        spec = {"folder": name, "interval_s": INTERVAL_S, "timeout_s": TIMEOUT_S, "window_s": WINDOW_S}
        truths: list[Truth] = []
        loop, called = watchers.curl(service.url)
        scrape = watchers.scrape(service.url)
        chaos = watchers.Chaostoolkit(service.url, Path(name), seconds=seconds + 3)
        client = everything.enter_context(handle.start({**spec, "streams": [stream], "ledgers": []}))
        with chaos, scrape, loop:
            time.sleep(2)  # chaostoolkit takes its time to begin
            for at, one in enumerate(episodes, 1):
                say(f"outage {at} of {len(episodes)}: {one.kind}, {one.phases[0][1]:.2f} s")
                _, start_ns, end_ns = service.tell(do="play", episodes=[one.steps])["stamps"][0]
                truths.append(Truth(kind=one.kind, start_ns=start_ns, end_ns=end_ns))
            say("waiting for chaostoolkit to end")
            client.steady(truths[-1].end_ns, LONG_S)
            client.finish(LONG_S)
        (samples,) = read_drill(Path(name)).tracks["scripted"]
        return truths, {
            OURS: outages(samples, interval_ns=INTERVAL_NS, window_ns=WINDOW_NS),
            "chaostoolkit, 1 s": watchers.seen(chaos.looks()),
            called: watchers.seen(loop.looks),
            "scrape, 15 s": watchers.seen(scrape.looks),
        }


def _observer(name: str, truths: Sequence[Truth], found: Sequence[Outage]) -> Observer:
    matched = match(truths, found, near_ns=2 * INTERVAL_NS)
    return Observer(name=name, pairs=matched.pairs, false=len(matched.false))


def _table(observers: Sequence[Observer], truths: Sequence[Truth]) -> str:
    total = sum(truth.lasted_ns for truth in truths) / NS
    rows = [
        (
            one.name,
            str(len(one.pairs) - len(one.missed)),
            str(len(one.missed)),
            number(max((pair.truth.lasted_ns / NS for pair in one.missed), default=0.0)),
            number(one.reported_s),
            number(percentile(one.errors_s, 0.5)),
            number(max(one.errors_s)),
        )
        for one in observers
    ]
    truth = ("the truth", str(len(truths)), "", "", number(total), "", "")
    head = ("", "seen", "missed", "longest missed s", "downtime in all s", "|error| s median", "worst")
    return table(head, [truth, *rows])


def _details(one: Observer) -> dict[str, Any]:
    return {
        "name": one.name,
        "false": one.false,
        "outages": [
            {
                "kind": pair.truth.kind,
                "true_s": pair.truth.lasted_ns / NS,
                "reported_s": sum(((o.end_ns or o.start_ns) - o.start_ns) / NS for o in pair.seen)
                if pair.seen
                else None,
            }
            for pair in one.pairs
        ],
    }
