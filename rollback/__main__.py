"""The red button: `python -m rollback stop | list | verify`, from any shell, while anything else runs."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

from experiments import faults
from rollback import emergency, health, journal, marks
from targets import places, where
from targets.target import DrillyardError

PATIENCE_S = 30.0


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when everything is put back, 1 when something is not, 2 for bad input."""
    arguments = _parser().parse_args(argv)
    if system := getattr(arguments, "system", None):
        os.environ[where.SYSTEM] = system
    try:
        answer: dict[str, Any] = arguments.do(arguments)
    except DrillyardError as error:
        print(f"rollback: {error}", file=sys.stderr)
        return 2
    lines = answer.pop("lines")
    try:
        print(json.dumps(answer, indent=1) if arguments.json else "\n".join(lines), flush=True)
    except BrokenPipeError:  # `| head` has read enough; what was done is done, and the exit status says how it went
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if answer["clean"] else 1


def _stop(arguments: argparse.Namespace) -> dict[str, Any]:
    order = emergency.Order(
        by=marks.person(),
        reason=arguments.reason,
        only=arguments.only,
        force=arguments.force,
        targets=tuple(arguments.target or ()),
        patience_s=arguments.wait,
    )
    report = emergency.keep(emergency.stop(order))
    lines = [*emergency.lines(report), "clean" if report.clean else f"NOT CLEAN: {'; '.join(report.remains)}"]
    return {**emergency.to_json(report), "lines": lines}


def _list(_: argparse.Namespace) -> dict[str, Any]:
    records, unreadable = journal.open_records()
    lines = [
        f"{r.fault:10} {r.victims} on {r.target}, drill {r.drill}, {_age(r)}, "
        f"pid {r.owner.pid} {'alive' if r.owner.alive() else 'dead'}{', could not be put back' if r.broken else ''}"
        for r in records
    ]
    return {
        "open": [asdict(record) for record in records],
        "unreadable": list(unreadable),
        "clean": not records and not unreadable,
        "lines": [*lines, *unreadable] or ["nothing is open"],
    }


def _age(record: journal.Injection) -> str:
    if record.owner.boot != journal.boot_id():
        return "before this boot"
    return f"{(time.monotonic_ns() - record.planned_at_ns) / 1e9:.0f} s ago"


def _verify(arguments: argparse.Namespace) -> dict[str, Any]:
    points = health.check(arguments.target or ())
    problems = [says for point in points if point.state == "NOT ok" for says in point.says]
    where = ", ".join(arguments.target or ["every lab that is up"])
    verdict = f"{'NOT CLEAN' if problems else 'clean'}: looked at {places.state_folder() / 'open'} and at {where}"
    return {
        "points": [asdict(point) for point in points],
        "problems": problems,
        "clean": not problems,
        "lines": [*health.lines(points), verdict],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rollback", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="stop | list | verify")
    stop = _verb(verbs, "stop", _stop, "tell running drills to stop, put everything back, look, report what remains")
    stop.add_argument("--reason", default="", help="why; kept in the records and in the report, told to drills")
    stop.add_argument("--only", metavar="KIND", help=f"put back one kind of fault: {', '.join(faults.KINDS)}")
    stop.add_argument("--force", action="store_true", help="give up what cannot be put back; wants a --reason")
    stop.add_argument(
        "--wait", type=float, default=PATIENCE_S, metavar="S", help="let the look take so long to become clean (30)"
    )
    _verb(verbs, "list", _list, "show the open injections")
    verify = _verb(verbs, "verify", _verify, "look at the records and at six points of every target; changes nothing")
    for verb in (stop, verify):
        verb.add_argument("--system", help="whose components those of a cluster are (default: lab)")
        verb.add_argument("--target", action="append", metavar="ADDRESS", help="look at this one (default: all labs)")
    return parser


def _verb(verbs: Any, name: str, do: Any, text: str) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=f"{text}. Exit 0 only when clean.")
    verb.set_defaults(do=do)
    verb.add_argument("--json", action="store_true", help="for machines")
    return verb


if __name__ == "__main__":
    sys.exit(main())
