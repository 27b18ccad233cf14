"""`python -m probes`: a stopwatch and a write ledger for what is done by hand."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from targets import durations
from targets.target import BadInput, DrillyardError

WATCH = """\
Asks URL again and again, on schedule whatever becomes of the answers, and tells every outage: t1, when the first
request that failed was meant to leave; t5, when the first request of the first lasting success (--window) was; the
downtime between, give or take one interval and the watch's own lag.

  http://, https://    the status --expect (200) and a whole body, on a new connection each time
  postgresql://        SELECT 1 on the first of the hosts that fits target_session_attrs
  redis+sentinel://    HOST:PORT,HOST:PORT/MASTER: write a key and read it back on the master that a Sentinel names
  s3+http(s)://        [KEY:SECRET@]HOST:PORT/BUCKET[?region=R]: list one object; keys also from AWS_ACCESS_KEY_ID ...
  tcp://               HOST:PORT: a connection is accepted (the kernel accepts for a frozen process, too)
"""
WATCH_EXIT = """\
exit codes:
  0  no outage was longer than --rto (without --rto: none was open at the end)
  1  an outage was longer than --rto, or was not over at the end
  2  bad input, or the watch could not be kept up; one line on stderr says which
  3  with --rto: cannot tell; an outage is within its bound of --rto, or the watch itself lagged

--json prints one object a line as soon as an outage has ended, and one at the end for an outage that is not over:
  t1_ns, t5_ns (null: not over), on CLOCK_MONOTONIC; downtime_s (null), bound_s, failures, kind, error
kind: refused, reset, timeout, error status, torn answer, unreachable, unknown host, tls, error; lagged: its own fault.
Everything else is then told on stderr. While it runs it keeps about 30 MB of records an hour in $TMPDIR.
"""
LEDGER = """\
Writes numbers into the ledger of a component, as its system's file says, until --for is over or Ctrl-C; then reads
everything back and tells what became of it. What it wrote stays there.

  lost        confirmed, and not there: the failure          unexpected  there, and written by nobody
  recovered   never confirmed, and there: allowed            duplicate   there more than once
  unknown     no answer told what became of it

RPO: from the begin of an outage (t1, the first write that failed) back to the acknowledgement of the oldest write
lost in it. Without an outage, or without a complete reading, it is not measured.
"""
LEDGER_EXIT = """\
exit codes:
  0  every confirmed write is there, and nothing else
  1  a confirmed write is lost, or something is there that nobody wrote
  2  bad input, or the ledger could not be kept up; one line on stderr says which
  3  cannot tell: it could not be read back completely, or nothing was confirmed

--json prints one object at the end, on stdout; everything else is then told on stderr.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = _parser().parse_args(argv)
    try:
        command = importlib.import_module(f"probes.{given.command}")  # rich and the clients' libraries: not for --help
        code: int = command.run(command.Asked(**_asked(given)))
    except DrillyardError as error:
        print(f"probes: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # nobody reads it any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m probes", description="For what is done by hand.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="watch | ledger")
    raw = argparse.RawDescriptionHelpFormatter
    watch = commands.add_parser(
        "watch", help="a stopwatch for a failover", description=WATCH, epilog=WATCH_EXIT, formatter_class=raw
    )
    watch.add_argument("url", metavar="URL", help="what to ask; passwords in it are never shown")
    watch.add_argument("--rto", metavar="T", help="how long an outage may last; shown as a clock")
    watch.add_argument("--window", metavar="T", default="0.5 s", help="every request served for so long: back (0.5 s)")
    watch.add_argument("--method", default="GET", help="for http (GET)")
    watch.add_argument("--expect", metavar="STATUS", default="200", help="for http: the status of a served request")
    watch.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'", help="for http; {env:VAR} for what is secret"
    )
    ledger = commands.add_parser(
        "ledger", help="numbered writes, read back", description=LEDGER, epilog=LEDGER_EXIT, formatter_class=raw
    )
    ledger.add_argument("system", metavar="SYSTEM", help="a TOML file, or a name in targets/systems/")
    ledger.add_argument("--component", required=True, metavar="X", help="the component whose ledger it is")
    ledger.add_argument("--target", metavar="ADDRESS", help="where it runs ($DRILLYARD_TARGET, or the only lab)")
    ledger.add_argument("--read-within", metavar="T", default="60 s", help="time for reading everything back (60 s)")
    for one in (watch, ledger):
        usual = "20 ms" if one is watch else None  # a ledger's own pace stands in the system's file
        told = f"from one request to the next ({usual or 'as the file says, or 20 ms'})"
        one.add_argument("--every", metavar="T", default=usual, help=told)
        one.add_argument("--for", dest="for_", metavar="T", help="how long; without it until Ctrl-C")
        one.add_argument("--timeout", metavar="T", default="1 s", help="when a caller gives up (1 s)")
        one.add_argument("--json", action="store_true", help="for programs; see below")
    return parser


def _asked(given: argparse.Namespace) -> dict[str, object]:
    """Turn what was written into what is meant. BadInput names the option, the value and the cure."""
    common: dict[str, object] = {
        "every_s": None if given.every is None else _seconds("--every", given.every),
        "for_s": None if given.for_ is None else _seconds("--for", given.for_),
        "timeout_s": _seconds("--timeout", given.timeout),
        "as_json": given.json,
    }
    if given.command == "ledger":
        return common | {
            "system": given.system,
            "component": given.component,
            "target": given.target,
            "read_s": _seconds("--read-within", given.read_within),
        }
    return common | {
        "url": given.url,
        "rto_s": None if given.rto is None else _seconds("--rto", given.rto),
        "window_s": _seconds("--window", given.window),
        "method": given.method,
        "expect": _status(given.expect),
        "headers": dict(_header(one) for one in given.header),
    }


def _seconds(option: str, text: str) -> float:
    """Read a duration, a bare number as seconds."""
    try:
        found = durations.seconds(f"{text} s" if text.strip().replace(".", "", 1).isdecimal() else text)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from None
    if found < 0.001:
        raise BadInput(f"{option} {text}: give at least 1 ms")
    return found


def _status(text: str) -> int:
    if not text.isdecimal() or not 200 <= int(text) <= 599:
        raise BadInput(f"--expect {text}: give an HTTP status from 200 to 599")
    return int(text)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise BadInput(f"--header {name!r}: write it as 'NAME: VALUE'")
    return name.strip(), value.strip()


if __name__ == "__main__":
    sys.exit(main())
