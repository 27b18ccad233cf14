"""Wires the house together for pytest: options, the target, the door's session, the `drill` fixture, the summary."""

import contextlib
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from rich.console import Console

from experiments import run
from probes import handle, watching
from reports import measures, record, terminal
from reports.outcome import Outcome
from rollback import actions, arming, guard, signals
from targets import objectives, systems, where
from targets.systems import System
from targets.target import DrillyardError, Target, Unable, attach, create, scheme_module

RUNS = Path(__file__).parent / "reports" / "runs"
SEVERITIES, SCHEDULES = ("p0", "p1", "p2", "p3"), ("monthly", "quarterly", "annual")
STEADY_WITHIN_S = 20.0  # before the fault: a lab that has just healed from the last drill, on a slow machine
GIVE_UP_S = 30.0  # after the undo: a service that is not back by then is not coming back

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


@dataclass(frozen=True, kw_only=True)
class Yard:
    """What the drills of one process share."""

    target: Target
    system: System
    session: guard.Session
    folder: Path
    say: Callable[[str], None]


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


@dataclass(frozen=True, kw_only=True)
class Drill:
    """Plays an experiment against a component and judges it."""

    name: str
    marks: Sequence[str]
    yard: Yard

    def __call__(
        self,
        experiment: str | Mapping[str, Any],
        *,
        component: str,
        rto: str = "",
        rpo: str = "",
        recovered_by: Literal["system", "stop"] = "system",
        spares: Sequence[str] = (),
    ) -> Outcome:
        """Hold `component` to its objectives while `experiment` (a name, or an edited script) is played.

        rto, rpo: narrow the objectives of the system's file.  recovered_by: "system", it must come back by itself or
        by the experiment's recovery; "stop", healing the fault is what brings it back.  spares: components whose
        callers must not notice anything.  Bad input fails the test with one line; a missing ability skips it.
        """
        yard = self.yard
        try:
            script = run.load(experiment) if isinstance(experiment, str) else dict(experiment)
            watched = [self._watching(one) for one in (component, *spares)]
            objective = {
                "drill": self.name,
                "title": script["title"],
                "experiment": experiment if isinstance(experiment, str) else f"{script['title']} (edited)",
                "component": component,
                "recovered_by": recovered_by,
                "rto_s": objectives.narrowed(yard.system, component, "rto", rto),
                "rpo_s": objectives.narrowed(yard.system, component, "rpo", rpo),
                "severity": self._marked(SEVERITIES, yard.system.component(component).severity),
                "schedule": self._marked(SCHEDULES, "quarterly"),
                **watching.judged(watched),
            }
            for injection in run.injections(script):  # reads only: whatever is wrong shows before anything is hurt
                guard.plan(yard.target, injection.pop("fault"), injection)
        except Unable as reason:
            pytest.skip(str(reason))
        except DrillyardError as error:
            pytest.fail(str(error), pytrace=False)
        return _play(yard, script, objective, watching.spec(watched))

    def _watching(self, component: str) -> watching.Watching:
        ledger_id = f"{self.yard.folder.name}-{self.name}"
        return watching.watching(self.yard.target, self.yard.system, component, ledger_id=ledger_id)

    def _marked(self, among: Sequence[str], default: str) -> str:
        return next((mark for mark in self.marks if mark in among), default)


@pytest.fixture
def drill(request: pytest.FixtureRequest, yard: Yard) -> Iterator[Drill]:
    """Play an experiment and judge it: `drill("api-killed", component="api", rto="10 s")`."""
    name = request.node.name.removeprefix("test_").replace("_", "-").replace("[", "-").rstrip("]")
    yield Drill(name=name, marks=[mark.name for mark in request.node.iter_markers()], yard=yard)
    yard.session.stop(by="teardown").check()


def _play(yard: Yard, script: Mapping[str, Any], objective: dict[str, Any], spec: dict[str, Any]) -> Outcome:
    """Record everything into the drill's folder, put everything back, then judge from the folder alone."""
    folder = yard.folder / objective["drill"]
    try:
        record.begin(yard.folder, target=yard.target.address, system=yard.system.name)
        folder.mkdir()
    except OSError as error:
        pytest.exit(
            f"not drilling: cannot write the records ({error}); name another place by --run-folder", returncode=2
        )
    record.write(folder / "objective.json", objective)
    record.write(folder / "environment.json", record.environment(yard.target.address))
    yard.session.begin(drill=objective["drill"], severity=objective["severity"], folder=folder)
    last: dict[str, Any] = {"recovered": False, "why_not": None, "error": "interrupted"}
    try:
        last = _measured(yard, script, objective, spec | {"folder": str(folder)})
    except DrillyardError as error:
        last["error"] = str(error)
    finally:
        stopped = yard.session.stop(by="teardown")
        if stopped.failed:
            last["error"] = "; ".join(stopped.failed)
        record.write(folder / "session.json", {**last, "ended_ns": time.monotonic_ns()})
    outcome = measures.judge(folder)
    measures.write_outcome(outcome, folder)
    return outcome


def _measured(
    yard: Yard, script: Mapping[str, Any], objective: Mapping[str, Any], spec: dict[str, Any]
) -> dict[str, Any]:
    """Run the client around the experiment; returns the harness's last words."""
    within_s = min(objective["rto_s"] + 2 * spec["window_s"], GIVE_UP_S)
    yard.say(f"{objective['drill']}: waiting until callers are served")
    with handle.start(spec) as client:
        began = client.steady(after_ns=0, timeout_s=STEADY_WITHIN_S)
        if began.since_ns is None:
            return {"recovered": False, "why_not": began.why, "error": f"not steady before the fault: {began.why}"}
        yard.say(f"{objective['drill']}: {script['title']}")
        run.run(
            script, folder=Path(spec["folder"]), before_verdict=lambda: client.steady(time.monotonic_ns(), within_s)
        )
        yard.say(f"{objective['drill']}: putting everything back")
        yard.session.stop(by="teardown").check()
        ended = client.steady(after_ns=time.monotonic_ns(), timeout_s=GIVE_UP_S)
        client.finish(timeout_s=GIVE_UP_S)
    error = str(yard.session.failure) if yard.session.failure else None
    return {"recovered": ended.since_ns is not None, "why_not": ended.why or None, "error": error}


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
