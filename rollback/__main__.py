"""The red button: `python -m rollback stop | list | verify`, from any shell, while anything else runs."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from rollback import journal
from rollback import stop as stopping
from targets import local
from targets.target import DrillyardError, TargetGone, attach


def main(argv: list[str] | None = None) -> int:
    """Exit 0 when everything is put back, 1 when something is not, 2 for bad input."""
    arguments = _parser().parse_args(argv)
    try:
        answer: dict[str, Any] = arguments.do(arguments)
    except DrillyardError as error:
        print(f"rollback: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(answer, indent=1))
    else:
        print("\n".join(answer["lines"]))
    return 0 if answer["clean"] else 1


def _stop(arguments: argparse.Namespace) -> dict[str, Any]:
    by = f"by hand: {arguments.reason}" if arguments.reason else "by hand"
    stopped = stopping.stop(by=by)
    lines = [f"healed {r.fault} of {', '.join(r.plan['victims'])} ({r.id})" for r in stopped.healed]
    lines += [f"NOT HEALED: {sentence}" for sentence in stopped.failed]
    remains = _verify(arguments)
    return {
        "healed": [asdict(record) for record in stopped.healed],
        "failed": list(stopped.failed),
        "remains": remains["problems"],
        "clean": not stopped.failed and remains["clean"],
        "lines": [*(lines or ["nothing was open"]), *remains["lines"]],
    }


def _list(_: argparse.Namespace) -> dict[str, Any]:
    records, unreadable = journal.open_records()
    lines = [
        f"{r.fault:10} {', '.join(r.plan['victims'])} on {r.target}, drill {r.drill}, "
        f"{(time.monotonic_ns() - r.planned_at_ns) / 1e9:.0f} s ago, "
        f"pid {r.owner.pid} {'alive' if r.owner.alive() else 'dead'}"
        for r in records
    ]
    return {
        "open": [asdict(record) for record in records],
        "unreadable": list(unreadable),
        "clean": not records and not unreadable,
        "lines": [*lines, *unreadable] or ["nothing is open"],
    }


def _verify(arguments: argparse.Namespace) -> dict[str, Any]:
    records, unreadable = journal.open_records()
    problems = [f"open: {r.fault} of {', '.join(r.plan['victims'])} ({r.id})" for r in records]
    problems += unreadable
    looked_at = arguments.target or list(local.running())
    for address in looked_at:
        try:
            problems += [f"{address}: {sentence}" for sentence in stopping.residue(attach(address))]
        except TargetGone:
            problems += [f"{address}: is not there"] if arguments.target else []
        except DrillyardError as error:
            problems.append(f"{address}: could not look: {error}")
    seen = f"looked at {stopping.folder()}" + "".join(f", {address}" for address in looked_at)
    return {
        "problems": problems,
        "looked_at": looked_at,
        "clean": not problems,
        "lines": [*problems, f"{'NOT CLEAN' if problems else 'clean'}: {seen}"],
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rollback", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="stop | list | verify")
    for name, do, text in (
        ("stop", _stop, "put back everything that is open, look, and say what remains"),
        ("list", _list, "show the open injections"),
        ("verify", _verify, "look for anything that is open or left in a target; changes nothing"),
    ):
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(do=do, target=None, reason="")
        verb.add_argument("--json", action="store_true", help="for machines")
        if name != "list":
            verb.add_argument(
                "--target",
                action="append",
                metavar="ADDRESS",
                help="look at this target (default: labs that are up)",
            )
        if name == "stop":
            verb.add_argument("--reason", default="", help="kept in the records")
    return parser


if __name__ == "__main__":
    sys.exit(main())
