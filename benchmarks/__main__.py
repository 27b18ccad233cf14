"""`python -m benchmarks NAME [--json] ...`: measure one thing, under stated conditions, beside its goal.

Exit 0: every goal is kept. 1: a figure falls short. 2: bad input, in one line.
"""

import argparse
import ast
import importlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks.kit import conditions
from benchmarks.kit.progress import Progress
from benchmarks.kit.result import Result
from benchmarks.kit.tables import table
from targets.target import DrillyardError

HERE = Path(__file__).parent


def summaries() -> dict[str, str]:
    """Find the benchmarks: every module beside this one, with the first line of what it says of itself."""
    paths = sorted(path for path in HERE.glob("*.py") if not path.name.startswith("_"))
    return {path.stem: (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0] for path in paths}


def main(argv: list[str]) -> int:
    """Run one benchmark; returns the exit code."""
    known = summaries()
    if not argv or argv[0] in {"-h", "--help"}:
        print("usage: python -m benchmarks NAME [--json] [options]     (NAME --help tells the options)\n")
        print("\n".join(f"  {name:<9} {says}" for name, says in known.items()))
        return 0 if argv else 2
    name, *rest = argv
    if name not in known:
        print(f"benchmarks: there is no {name!r}; give one of {', '.join(known)}", file=sys.stderr)
        return 2
    return play(name, known[name], rest)


def play(name: str, says: str, argv: list[str]) -> int:
    """Measure and tell."""
    module = importlib.import_module(f"benchmarks.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=says)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    module.arguments(parser)
    options = parser.parse_args(argv)
    found, say = conditions.conditions(), Progress()
    if not options.json:
        print(f"{name}: {says}\n\n{conditions.told(found)}", flush=True)
    try:
        result: Result = module.measure(options, say)
    except (DrillyardError, OSError) as error:
        print(f"benchmarks {name}: {error}", file=sys.stderr)
        return 2
    finally:
        say.done()
    print(json.dumps(_json(name, found, result), indent=1) if options.json else told(result))
    return 0 if result.ok else 1


def told(result: Result) -> str:
    """Tell the parameters, the tables, and each figure beside its goal."""
    parameters = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in result.parameters.items())
    figures = table(("figure", "measured", "goal"), [figure.told() for figure in result.figures])
    short = [figure.name for figure in result.figures if not figure.ok]
    verdict = f"falls short: {', '.join(short)}" if short else "every goal is kept"
    return "\n\n".join([parameters, *result.told, figures, verdict])


def _json(name: str, found: dict[str, Any], result: Result) -> dict[str, Any]:
    return {
        "benchmark": name,
        "conditions": found,
        "parameters": dict(result.parameters),
        "figures": [figure.to_json() for figure in result.figures],
        "details": dict(result.details),
        "ok": result.ok,
    }


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was built is taken down
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
