"""How long all drills take, alone and on two workers, and how much of it is the harness's own."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.tables import number, table
from reports import overhead
from reports.overhead import Overhead
from reports.runs import tell
from targets.places import ROOT
from targets.target import DrillyardError

WHOLE_S = {"local": 120.0, "containers": 300.0}
DRILLS, SHARE, OVERHEAD_S = 30, 0.65, 1.0
GIVE_UP_S = 900.0
LINE = re.compile(r"^\s*(drills/\S+|\[\s*\d+%\])")


@dataclass(frozen=True, kw_only=True)
class Played:
    """One session of the suite."""

    seconds: float  # of the whole command: the lab, the drills and the report
    verdicts: dict[str, str]  # drill -> met, missed or unknown
    reasons: dict[str, str]  # drill -> why it was not met
    overheads: dict[str, Overhead]
    code: int
    last: str  # of what pytest said


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--alone", action="store_true", help="only one by one, not on two workers as well")
    parser.add_argument("--target", choices=WHOLE_S, default="local", help="on which kind of lab")
    parser.add_argument("-k", metavar="EXPRESSION", help="only the drills that match, as pytest's -k")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Play the suite, then play it again on two workers."""
    chosen = ["--target", options.target, *(["-k", options.k] if options.k else [])]
    alone = _play(chosen, say)
    both = None if options.alone else _play([*chosen, "-n", "2"], say)
    total = [one.total_s for one in alone.overheads.values() if one.complete]
    figures = [
        Figure(name="drills", value=len(alone.verdicts), goal=None if options.k else DRILLS, sense="at least"),
        Figure(name="pytest drills/", value=alone.seconds, unit="s", goal=WHOLE_S[options.target]),
        Figure(name="drills that were not met", value=_not_met(alone), goal=0),
        Figure(name="pytest's exit code", value=alone.code, goal=0),
        Figure(name="overhead per drill, median", value=statistics.median(total) if total else None, unit="s"),
        Figure(name="overhead per drill, worst", value=max(total, default=None), unit="s", goal=OVERHEAD_S),
    ]
    if both:
        figures += [
            Figure(name="pytest drills/ -n 2", value=both.seconds, unit="s"),
            Figure(name="of the time alone", value=both.seconds / alone.seconds, goal=SHARE),
            Figure(name="drills that were not met with -n 2", value=_not_met(both), goal=0),
            Figure(name="pytest's exit code with -n 2", value=both.code, goal=0),
        ]
    return Result(
        parameters={"drills": options.k or "all", "target": options.target},
        told=[_table(alone), _parts(alone), *_said(alone, ""), *(_said(both, " -n 2") if both else [])],
        figures=figures,
        details={"alone": _details(alone), "two": _details(both) if both else None},
    )


def _play(arguments: Sequence[str], say: Say) -> Played:
    """Run pytest on the suite in a process of its own, telling how far it is."""
    with tempfile.TemporaryDirectory(prefix="drillyard-suite-") as name:
        folder = Path(name) / "run"
        argv = [sys.executable, "-m", "pytest", "drills/", "--run-folder", str(folder), "-v", *arguments]
        began = time.monotonic()
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines = _followed(process, say, " ".join(["pytest drills/", *arguments]))
        seconds = time.monotonic() - began
        if not folder.is_dir():
            raise DrillyardError(f"pytest drilled nothing: {lines[-1] if lines else 'it said nothing'}")
        told = tell(folder)
        return Played(
            seconds=seconds,
            verdicts={outcome.drill: outcome.verdict for outcome in told.outcomes},
            reasons={outcome.drill: outcome.why[0] for outcome in told.outcomes if not outcome.met},
            overheads=overhead.of_run(folder),
            code=process.returncode,
            last=lines[-1],
        )


def _followed(process: "subprocess.Popen[str]", say: Say, called: str) -> list[str]:
    """Read what pytest says until it ends; it is asked to stop when it takes far too long, and puts everything back."""
    assert process.stdout
    stop = threading.Timer(GIVE_UP_S, process.terminate)
    stop.start()
    lines: list[str] = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if LINE.match(line):
                say(f"{called}: {line.strip()}")
        process.wait()
    except BaseException:
        process.terminate()  # puts everything back
        process.wait()
        raise
    finally:
        stop.cancel()
        process.stdout.close()
    return [line for line in lines if line]


def _not_met(played: Played) -> int:
    return sum(verdict != "met" for verdict in played.verdicts.values())


def _table(played: Played) -> str:
    """Tell where each drill's time went."""
    rows = [
        (
            name,
            played.verdicts.get(name, "unknown"),
            number(one.whole_s),
            number(one.drilled_s),
            number(one.windows_s),
            number(one.total_s) + ("" if one.complete else " and more"),
        )
        for name, one in played.overheads.items()
    ]
    return table(("drill", "verdict", "wall s", "fault and recovery s", "windows s", "overhead s"), rows)


def _parts(played: Played) -> str:
    names = dict.fromkeys(part for one in played.overheads.values() for part in one.parts)
    rows = []
    for name in names:
        took = [one.parts[name] for one in played.overheads.values() if name in one.parts]
        rows.append((name, number(statistics.median(took)), number(max(took))))
    return table(("part of the overhead", "median s", "worst s"), rows)


def _said(played: Played, how: str) -> list[str]:
    """Say what went wrong: with pytest, and with every drill that was not met."""
    said = [f"pytest drills/{how} ended with code {played.code}: {played.last}"] if played.code else []
    reasons = [f"{name}{how}, {played.verdicts[name]}: {why}" for name, why in played.reasons.items()]
    return [*said, *(["\n".join(reasons)] if reasons else [])]


def _details(played: Played) -> dict[str, object]:
    return {
        "seconds": played.seconds,
        "code": played.code,
        "drills": {
            name: {
                "verdict": played.verdicts.get(name, "unknown"),
                "wall_s": one.whole_s,
                "drilled_s": one.drilled_s,
                "windows_s": one.windows_s,
                "overhead_s": one.total_s,
                "parts_s": dict(one.parts),
            }
            for name, one in played.overheads.items()
        },
    }
