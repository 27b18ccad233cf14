"""What pytest's terminal says of drills: a line for each, its result or its plan; then the summary.

Of one floor with conftest.py, which registers it.
"""

import contextlib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from drills.harness.planned import PROPERTY as PLANNED
from drills.harness.play import PROPERTY as RESULT
from drills.harness.screen import NOBODY, Screen
from drills.harness.workers import is_worker
from reports import plans, terminal

RUN = pytest.StashKey[Path]()
SCREEN = pytest.StashKey[Screen]()
PLANS = pytest.StashKey[list[dict[str, Any]]]()
COLOURS = {"met": {"green": True}, "missed": {"red": True}, "unknown": {"yellow": True}}


def screen(config: pytest.Config) -> Screen:
    """Make the screen of this process: in place on a terminal that can, plain elsewhere, none for an xdist worker."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or is_worker(config):
        return NOBODY
    try:
        descriptor = os.dup(sys.stdout.fileno())  # now, while pytest does not capture: its own is redirected later
    except (OSError, ValueError, AttributeError):
        return NOBODY
    in_place = os.isatty(descriptor) and os.environ.get("TERM", "dumb") != "dumb" and "CI" not in os.environ
    capture = config.pluginmanager.get_plugin("capturemanager")

    def make_room() -> None:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.flush()

    return Screen(descriptor, in_place=in_place, make_room=make_room)


def leave(config: pytest.Config, text: str) -> None:
    """Leave a line, at once; that of an xdist worker goes to its master's terminal."""
    if not is_worker(config):
        config.stash[SCREEN].leave(text)
        return
    capture = config.pluginmanager.get_plugin("capturemanager")
    worker = config.workerinput["workerid"]  # type: ignore[attr-defined]
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        print(f"\n  [{worker}] {text}", file=sys.stderr, flush=True)


class Telling:
    """The hooks that need the session's terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._reporter: Any = config.pluginmanager.get_plugin("terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Name no file before a drill: its line names the drill."""
        if self._reporter and self._reporter.verbosity == 0:
            self._reporter.showfspath = not nodeid.startswith("drills/")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Leave what a drill came to; it came with the report, from whichever worker."""
        told = dict(report.user_properties)
        if report.when != "call" or self._reporter is None:
            return
        if PLANNED in told:
            self._config.stash[PLANS].append(json.loads(str(told[PLANNED])))
        for name, line in report.user_properties:
            if name == RESULT:
                self._line(str(line), failed=report.failed)

    def _line(self, line: str, *, failed: bool) -> None:
        verdict = next((word for word in COLOURS if f": {word}" in line), "unknown")
        self._reporter.ensure_newline()
        self._reporter.write_line(f"  {line}", **COLOURS["missed" if failed and verdict == "met" else verdict])
        self._reporter.flush()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Count what was planned apart from what was skipped; a drill that leaves its line needs no dot."""
        told = dict(getattr(report, "user_properties", ()))  # a failed collection has none
        if report.skipped and PLANNED in told:
            return "planned", "", ""
        return ("passed", "", "") if RESULT in told and report.when == "call" and report.passed else None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Tell what the drills cost, or what they would do."""
        folder, page = self._config.stash[RUN], io.StringIO()
        width = shutil.get_terminal_size((120, 40)).columns
        console = Console(file=page, force_terminal=terminalreporter.hasmarkup, width=width)
        if planned := self._config.stash[PLANS]:
            plans.show(planned, console)
        elif (folder / "run.json").is_file():
            terminal.summary(folder, console)
        terminalreporter.ensure_newline()
        terminalreporter.write(page.getvalue())
