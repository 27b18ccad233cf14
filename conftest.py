"""Wires the house together for pytest: options, the target, the door's session, the `drill` fixture, the summary."""

import contextlib
import io
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from drills.play import Drill, Yard
from reports import terminal
from rollback import actions, arming, guard, signals
from targets import systems, where
from targets.systems import System
from targets.target import DrillyardError, Target, attach, create, scheme_module

RUNS = Path(__file__).parent / "reports" / "runs"

SYSTEM = pytest.StashKey[System]()
RUN = pytest.StashKey[Path]()
OPEN = pytest.StashKey[contextlib.ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add Drillyard's options."""
    add = parser.getgroup("drillyard").addoption
    add("--target", default="local", help="where to drill: local (default), or local:FOLDER of a running lab")
    add("--system", default="lab", help="what is protected: a name in targets/systems/, or a TOML file")
    add("--arm", action="append", default=[], metavar="NAME", help="permit a target that is not disposable")
    add("--approved-by", action="append", default=[], metavar="WHO", help="who approved, where [safety] asks for it")
    add("--run-folder", metavar="FOLDER", help="where the records go (default: reports/runs/<time>-<id>)")


def pytest_configure(config: pytest.Config) -> None:
    """Read the system before anything starts: bad input is one line."""
    try:
        config.stash[SYSTEM] = systems.load(config.getoption("--system"))
        scheme_module(config.getoption("--target"))
    except DrillyardError as error:
        raise pytest.UsageError(str(error)) from None
    worker = getattr(config, "workerinput", {})
    named = worker.get("drillyard_run") or config.getoption("--run-folder")
    config.stash[RUN] = Path(named) if named else RUNS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    config.stash[OPEN] = contextlib.ExitStack()
    signals.as_keyboard_interrupt()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let every xdist worker write into the one run folder."""
    node.workerinput["drillyard_run"] = str(node.config.stash[RUN])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put back whatever is open and close the target; this runs after Ctrl-C and after failed fixtures too."""
    if OPEN in config.stash:
        with signals.deferred():
            config.stash[OPEN].close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell what the drills cost."""
    folder = config.stash[RUN]
    if not (folder / "run.json").is_file():
        return
    page, width = io.StringIO(), shutil.get_terminal_size((120, 40)).columns
    terminal.summary(folder, Console(file=page, force_terminal=terminalreporter.hasmarkup, width=width))
    terminalreporter.ensure_newline()
    terminalreporter.write(page.getvalue())


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    """Give the target of the session: built here, or attached to."""
    address, say = pytestconfig.getoption("--target"), _say(pytestconfig)
    try:
        if ":" in address:
            return attach(address)
        built = create(address, on_progress=say)
    except DrillyardError as error:
        pytest.exit(f"--target {address}: {error}", returncode=2)
    pytestconfig.stash[OPEN].callback(built.close)
    return built


@pytest.fixture(scope="session")
def yard(pytestconfig: pytest.Config, target: Target) -> Yard:
    """Open the door's session, after healing what dead sessions left."""
    system, folder = pytestconfig.stash[SYSTEM], pytestconfig.stash[RUN]
    option = pytestconfig.getoption
    permit = arming.permit(system.safety, armed=option("--arm"), approved_by=option("--approved-by"))
    try:
        session = pytestconfig.stash[OPEN].enter_context(guard.Session(permit=permit))
    except DrillyardError as error:
        pytest.exit(f"not drilling: {error}", returncode=2)
    actions.use(session)
    os.environ[where.VARIABLE] = target.address
    return Yard(target=target, system=system, session=session, folder=folder, say=_say(pytestconfig))


@pytest.fixture
def drill(request: pytest.FixtureRequest, yard: Yard) -> Iterator[Drill]:
    """Play an experiment and judge it: `drill("api-killed", component="api", rto="10 s")`."""
    name = request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").rstrip("]")
    yield Drill(name=name, marks=[mark.name for mark in request.node.iter_markers()], yard=yard)
    yard.session.stop(by="teardown").check()


def _say(config: pytest.Config) -> Callable[[str], None]:
    """Tell what is going on, in the terminal of a run that is not spread over workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")

    def say(text: str) -> None:
        if reporter is None or hasattr(config, "workerinput"):
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.write_line(f"  {text}", light=True)

    return say
