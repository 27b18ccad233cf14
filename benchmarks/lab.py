"""How long a lab takes: from nothing to ready, part by part, and down again."""

import argparse
import statistics
import time
from collections.abc import Sequence

from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.tables import number, table
from targets.target import create

UP_S = {"local": 5.0, "containers": 15.0}  # of containers with an image that is there already


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--times", type=int, default=5, help="how often it is brought up (default: 5)")
    parser.add_argument("--target", choices=UP_S, default="local", help="of which kind it is")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Bring the lab up and down, several times."""
    rounds = []
    for turn in range(1, max(1, options.times) + 1):
        say(f"lab {turn} of {options.times}")
        rounds.append(_round(options.target))
    ups, downs = [sum(parts.values()) for parts, _ in rounds], [down for _, down in rounds]
    return Result(
        parameters={"times": len(rounds), "target": options.target},
        told=[_parts([parts for parts, _ in rounds])],
        figures=[
            Figure(name="up, median", value=statistics.median(ups), unit="s", goal=UP_S[options.target]),
            Figure(name="up, worst", value=max(ups), unit="s", goal=UP_S[options.target]),
            Figure(name="down, median", value=statistics.median(downs), unit="s"),
            Figure(name="down, worst", value=max(downs), unit="s"),
        ],
        details={"rounds": [{"parts_s": parts, "down_s": down} for parts, down in rounds]},
    )


def _round(kind: str) -> tuple[dict[str, float], float]:
    """Give the seconds of each part of the way up, named as `targets up` names them, and those of the way down."""
    began = [("imports and preparation", time.monotonic())]
    lab = create(kind, on_progress=lambda text: began.append((text, time.monotonic())))
    ends = [*(at for _, at in began[1:]), time.monotonic()]
    parts: dict[str, float] = {}
    for (name, at), end in zip(began, ends, strict=True):
        parts[name] = parts.get(name, 0.0) + end - at
    closing = time.monotonic()
    lab.close()
    return parts, time.monotonic() - closing


def _parts(rounds: Sequence[dict[str, float]]) -> str:
    names = dict.fromkeys(name for parts in rounds for name in parts)
    rows = []
    for name in names:
        took = [parts.get(name, 0.0) for parts in rounds]
        rows.append((name, number(statistics.median(took)), number(max(took))))
    return table(("part of the way up", "median s", "worst s"), rows)
