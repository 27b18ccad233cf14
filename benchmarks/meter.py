"""The client and the judge against a service whose outages and losses are known; calibrates this machine."""

import argparse
from collections import Counter
from collections.abc import Sequence

from benchmarks.kit import loss_trials, outage_trials
from benchmarks.kit.loss_trials import Found
from benchmarks.kit.match import Pair
from benchmarks.kit.outage_trials import INTERVAL_NS, Lane
from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.scripts import NS, Truth
from benchmarks.kit.stats import percentile
from benchmarks.kit.tables import number, table
from probes.watching import INTERVAL_S, TIMEOUT_S, WINDOW_S
from reports import calibration
from targets import places

OUTAGES, TRIALS = 300, 100
MS = 1_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--outages", type=int, default=OUTAGES, help=f"how many outages (default: {OUTAGES})")
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"how many trials of losses (default: {TRIALS})")
    parser.add_argument("--side-by-side", type=int, default=6, help="pairs of a service and a client (default: 6)")
    parser.add_argument("--seed", type=int, default=1)


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Play the outages, then the losses; a run of full size becomes this machine's calibration."""
    lanes = max(1, options.side_by_side)
    seen = outage_trials.play(
        seed=options.seed,
        count=max(lanes, options.outages),
        lanes=lanes,
        on_progress=lambda over: say(f"{over} of about {options.outages * 11 // 10} outages and controls"),
    )
    found = loss_trials.play(
        seed=options.seed,
        count=max(1, options.trials),
        lanes=lanes,
        on_progress=lambda over: say(f"losses: {over} of {options.trials} trials"),
    )
    figures = [*_outage_figures(seen), *_loss_figures(found)]
    kept = options.outages >= OUTAGES and options.trials >= TRIALS
    if kept:
        calibration.write(places.state_dir(), _calibration(seen, found))
    return Result(
        parameters={
            "seed": options.seed,
            "outages": options.outages,
            "trials": options.trials,
            "side_by_side": lanes,
            "interval_s": INTERVAL_S,
            "timeout_s": TIMEOUT_S,
            "window_s": WINDOW_S,
        },
        told=[_by_kind(seen), _kept_up(seen), _kept(kept=kept), *_wrong(found)],
        figures=figures,
        details={"outages": [_row(pair) for pair in _pairs(seen)], "losses": [one.told for one in found]},
    )


def _pairs(seen: Sequence[Lane]) -> list[Pair]:
    return [pair for lane in seen for pair in lane.matched.pairs]


def _outage_figures(seen: Sequence[Lane]) -> list[Figure]:
    every = _pairs(seen)
    pairs = [pair for pair in every if pair.seen]
    missed = [pair for pair in every if not pair.seen]
    goal = INTERVAL_NS / MS

    def error(name: str, errors: list[int]) -> Figure:
        value = percentile([abs(one) / MS for one in errors], 0.99)
        return Figure(name=f"|error| p99 of {name}", value=value, unit="ms", goal=goal)

    long = [pair for pair in missed if pair.truth.lasted_ns >= 2 * INTERVAL_NS]
    return [
        error("downtime", [pair.error_ns for pair in pairs]),
        error("t1", [pair.start_error_ns for pair in pairs]),
        error("t5", [pair.end_error_ns for pair in pairs]),
        Figure(name="outages of two intervals or more that were missed", value=len(long), goal=0),
        Figure(name="shorter ones that were missed", value=len(missed) - len(long)),
        Figure(name="outages reported that were none", value=sum(len(lane.matched.false) for lane in seen), goal=0),
        Figure(name="outages reported in pieces", value=sum(len(pair.seen) > 1 for pair in pairs), goal=0),
        Figure(
            name="downtimes within their own stated bound",
            value=100 * sum(pair.within_bound for pair in pairs) / max(1, len(pairs)),
            unit="%",
        ),
    ]


def _loss_figures(found: Sequence[Found]) -> list[Figure]:
    goal, errors = len(found), [abs(one.rpo_error_ns) / MS for one in found if one.rpo_error_ns is not None]

    def exact(name: str, count: int) -> Figure:
        return Figure(name=name, value=count, unit=f"of {goal}", goal=goal, sense="at least")

    return [
        exact("losses exact in writes", sum(one.writes_exact for one in found)),
        exact("RPO exact by the ledger's stamps", sum(one.rpo_exact for one in found)),
        exact("RPO within its bound of the store's stamps", sum(one.rpo_bounded for one in found)),
        Figure(name="|error| p99 of the RPO by the store's stamps", value=percentile(errors, 0.99), unit="ms"),
    ]


def _calibration(seen: Sequence[Lane], found: Sequence[Found]) -> calibration.Calibration:
    pairs = [pair for pair in _pairs(seen) if pair.seen]
    return calibration.now(
        error_p99_ms=percentile([abs(pair.error_ns) / MS for pair in pairs], 0.99) or 0.0,
        outages=len(_pairs(seen)),
        missed=len(_pairs(seen)) - len(pairs),
        exact=sum(one.writes_exact and one.rpo_exact and one.rpo_bounded for one in found),
        trials=len(found),
        interval_s=INTERVAL_S,
    )


def _by_kind(seen: Sequence[Lane]) -> str:
    kinds: dict[str, list[Pair]] = {}
    for pair in _pairs(seen):
        kinds.setdefault(pair.truth.kind, []).append(pair)
    rows = []
    for kind, pairs in sorted(kinds.items()):
        errors = [abs(pair.error_ns) / MS for pair in pairs if pair.seen]
        lasted = [pair.truth.lasted_ns / NS for pair in pairs]
        rows.append(
            (
                kind,
                str(len(pairs)),
                str(sum(not pair.seen for pair in pairs)),
                f"{min(lasted):.2f} to {max(lasted):.2f}",
                number(percentile(errors, 0.5)),
                number(percentile(errors, 0.99)),
                number(max(errors, default=None)),
            )
        )
    return table(("kind", "outages", "missed", "lasted s", "|error| ms median", "p99", "worst"), rows)


def _kept_up(seen: Sequence[Lane]) -> str:
    lags = [lag / MS for lane in seen for lag in lane.lags_ns]
    late = [late / MS for lane in seen for late in lane.late_ns]
    return (
        f"the clients' own lag: p99 {number(percentile(lags, 0.99))} ms, worst {number(max(lags))} ms; "
        f"the services' script was late by p99 {number(percentile(late, 0.99))} ms, worst {number(max(late))} ms"
    )


def _kept(*, kept: bool) -> str:
    if kept:
        return "kept as this machine's calibration: every run of drills carries it from now on"
    return f"not kept as this machine's calibration: that takes {OUTAGES} outages and {TRIALS} trials"


def _wrong(found: Sequence[Found]) -> list[str]:
    """Name the kinds of trials in which something was not exact."""
    wrong = Counter(one.kind for one in found if not (one.writes_exact and one.rpo_exact and one.rpo_bounded))
    return [f"not exact: {', '.join(f'{count} x {kind}' for kind, count in wrong.items())}"] if wrong else []


def _row(pair: Pair) -> dict[str, object]:
    truth: Truth = pair.truth
    told = {"kind": truth.kind, "start_ns": truth.start_ns, "end_ns": truth.end_ns}
    if not pair.seen:
        return told
    return {**told, "start_error_ns": pair.start_error_ns, "end_error_ns": pair.end_error_ns}
