"""Tell about runs: `python -m reports show [RUN] [--json]`, `python -m reports compare RUN RUN...`.

RUN is a run's folder or its id, `latest` or nothing the newest one.  It is judged again from its raw records.
Exit 0: shown. 2: bad input, with one line that says what to do.
"""

import argparse
import io
import json
import sys
from collections.abc import Sequence

from rich.console import Console

from reports import compare as comparing
from reports import runs, terminal


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reports", description="Tell about runs of drills.")
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="judge a run again from its records, and print it")
    show.add_argument("run", nargs="?", metavar="RUN", help="a run's folder or id; latest (the default): the newest")
    show.add_argument("--json", action="store_true", help="print the outcomes and the score as JSON")
    compare = commands.add_parser("compare", help="print the RTO of the same drills in several runs side by side")
    compare.add_argument("runs", nargs="+", metavar="RUN", help="as for show: two or more")
    given = parser.parse_args(argv)
    try:
        if given.command == "compare":
            comparing.show([runs.tell(runs.find(run)) for run in given.runs], Console())
            return 0
        told = runs.tell(runs.find(given.run))
    except (runs.NoSuchRun, OSError) as error:
        print(f"reports: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(_json(told), indent=1))
    else:
        terminal.show(told, Console())
    return 0


def _json(told: runs.Told) -> dict[str, object]:
    return {
        "run": told.run.id if told.run else told.folder.name,
        "problem": told.problem,
        "calibration": told.run.calibration if told.run else None,
        "outcomes": [outcome.to_json() for outcome in told.outcomes],
        "repeated": [drill.to_json() for drill in told.drills if drill.asked > 1],
        "score": told.score.to_json(),
        "differences": list(told.differences),
    }


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a pipe that knows no ± is no reason to fail
    sys.exit(main())
