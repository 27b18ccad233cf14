"""How late the reaper is: from the moment at which an artefact had to be over until it is gone, nobody helping."""

import argparse
import statistics
from contextlib import closing
from datetime import UTC, datetime, timedelta

from benchmarks.kit.result import Figure, Result, Say
from targets.pods import reaper
from targets.pods.kindlab import KindTarget
from targets.rules import Rule
from targets.target import BadInput, create
from targets.waiting import until

EXPIRES_S = 5.0  # nothing is done there in less
WITHIN_S = 5.0  # beyond its period
GIVES_UP_S = 120.0
POLL_S = 0.1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--times", type=int, default=20, help="how many artefacts, one after another (default: 20)")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Leave one after another to it."""
    if options.times < 1:
        raise BadInput(f"--times {options.times}: give a whole number from 1 on")
    with closing(create("kind", on_progress=say)) as lab:
        assert isinstance(lab, KindTarget)
        late = []
        for number in range(options.times):
            say(f"artefact {number + 1} of {options.times}")
            late.append(_late(lab, number))
    return Result(
        parameters={"times": options.times, "period_s": reaper.EVERY_S},
        figures=[
            Figure(name="late, median", value=statistics.median(late), unit="s"),
            Figure(name="late, worst", value=max(late), unit="s", goal=reaper.EVERY_S + WITHIN_S),
            Figure(name="early, worst", value=max(0.0, -min(late)), unit="s", goal=1.0),  # it is said in whole seconds
        ],
        details={"late_s": late},
    )


def _late(lab: KindTarget, number: int) -> float:
    """Cut somebody off for a while, and see when that is over."""
    source, destination = lab.nodes("api")[0].name, lab.nodes("redis", "replica")[0].name
    over = datetime.now(UTC) + timedelta(seconds=EXPIRES_S)
    lab.expire(over)
    lab.cut(Rule(id=f"partition-{number}", sources=(source,), destinations=(destination,), mode="drop"))
    until(lambda: not lab.cuts(), EXPIRES_S + GIVES_UP_S, "the reaper", POLL_S)
    return (datetime.now(UTC) - over).total_seconds()
