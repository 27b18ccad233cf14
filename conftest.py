"""Wires the house together for pytest: options, the target, the door's session, the `drill` fixture, the summary."""

import contextlib
import os
import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drills.harness import meter, telling, workers
from drills.harness.asked import Named, Repetition
from drills.harness.planned import Planner
from drills.harness.play import Drill, Yard
from drills.harness.screen import NOBODY
from drills.harness.telling import PLANS, RUN, SCREEN
from rollback import actions, arming, guard, signals
from targets import systems, where
from targets.systems import System
from targets.target import Closable, DrillyardError, Target, attach, create, scheme_module

RUNS = Path(__file__).parent / "reports" / "runs"

SYSTEM = pytest.StashKey[System]()
OPEN = pytest.StashKey[contextlib.ExitStack]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add Drillyard's options."""
    add = parser.getgroup("drillyard").addoption
    add("--target", default="local", help="where to drill: local (default), containers, kind, or ADDRESS of what runs")
    add("--lab-image", metavar="NAME", help="the lab's image, with --target containers (default: built once, and kept)")
    add("--observer-image", metavar="NAME", help="what pods of our own in a cluster are made of: any with a python3")
    places = ("outside", "inside", "both")
    add("--meter", choices=places, default="outside", help="where the client runs (default: outside)")
    add("--kind-cluster", metavar="NAME", help="a cluster for --target kind (default: one is made, and taken away)")
    add("--system", help="what is protected: a name in targets/systems/, or a TOML file (default: lab, or lab-on-kind)")
    add("--arm", action="append", default=[], metavar="NAME", help="permit a target that is not disposable")
    add("--approved-by", action="append", default=[], metavar="WHO", help="who approved, where [safety] asks for it")
    add("--run-folder", metavar="FOLDER", help="where the records go (default: reports/runs/<time>-<id>)")
    add("--plan", action="store_true", help="tell whom each drill would hurt and how it is undone; inject nothing")
    add("--repeat", type=int, default=1, metavar="N", help="play every drill N times: one lucky run is no evidence")


def pytest_configure(config: pytest.Config) -> None:
    """Read the system before anything starts: bad input is one line."""
    on_kind = config.getoption("--target").partition(":")[0] == "kind"
    system = config.getoption("--system") or ("lab-on-kind" if on_kind else "lab")
    try:
        config.stash[SYSTEM] = systems.load(system)
        if image := config.getoption("--lab-image"):
            os.environ[where.IMAGE] = image
        if observer := config.getoption("--observer-image"):
            os.environ[where.OBSERVER_IMAGE] = observer
        if cluster := config.getoption("--kind-cluster"):
            os.environ[where.KIND_CLUSTER] = cluster
        os.environ[where.SYSTEM] = system
        scheme_module(config.getoption("--target"))
    except DrillyardError as error:
        raise pytest.UsageError(str(error)) from None
    if (times := config.getoption("--repeat")) < 1:
        raise pytest.UsageError(f"--repeat {times}: give a whole number from 1 on")
    named = getattr(config, "workerinput", {}).get("drillyard_run") or config.getoption("--run-folder")
    config.stash[RUN] = Path(named) if named else RUNS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    config.stash[OPEN] = contextlib.ExitStack()
    config.stash[SCREEN], config.stash[PLANS] = NOBODY, []
    signals.as_keyboard_interrupt()
    guard.shut(*(["--plan only tells what would be done"] if config.getoption("--plan") else []))
    workers.begin(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let every xdist worker write into the one run folder."""
    node.workerinput["drillyard_run"] = str(node.config.stash[RUN])
    node.workerinput[workers.KEY] = str(workers.folder(node.config))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Find the terminal: pytest makes its reporter only when everybody else is configured."""
    session.config.stash[SCREEN] = telling.screen(session.config)
    session.config.pluginmanager.register(telling.Telling(session.config), "drillyard-telling")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play every drill as often as was asked."""
    times = metafunc.config.getoption("--repeat")
    if times > 1 and "drill" in metafunc.fixturenames:
        every = [Repetition(number=number, count=times) for number in range(1, times + 1)]
        metafunc.parametrize("repetition", every, ids=lambda repetition: repetition.id)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Keep interruptions out of pytest's own book-keeping: they belong into a test's phases."""
    signals.hold()
    try:
        return (yield)
    finally:
        signals.release()


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Let them through, here and in the two others, as the innermost of all that is wrapped around a phase."""
    signals.release()
    try:
        return (yield)
    finally:
        signals.hold()


pytest_runtest_call = pytest_runtest_teardown = pytest_runtest_setup


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt() -> None:
    """Be interrupted once: what follows puts back and writes down."""
    signals.leave()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Let nothing interrupt the end, and let the workers come to theirs before xdist kills them."""
    signals.leave()
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        workers.interrupt(session.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put back whatever is open and close the target; this runs after Ctrl-C and after failed fixtures too."""
    if OPEN in config.stash:
        with signals.deferred():
            try:
                config.stash[OPEN].close()
            except DrillyardError as error:
                raise pytest.UsageError(str(error)) from error  # of all that pytest prints here, the one without trace
            finally:
                workers.end(config)
                config.stash[SCREEN].close()
        signals.give_back()


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    """Give the target of the session: built here, or attached to."""
    address, screen = pytestconfig.getoption("--target"), pytestconfig.stash[SCREEN]
    own = pytestconfig.stash[SYSTEM].compose
    try:
        if ":" in address:
            return attach(address)
        with workers.alone(pytestconfig, f"{address}:", "a lab comes up"), screen.scene("a lab") as scene:
            built = create(address, on_progress=scene.enter, compose=own)
    except DrillyardError as error:
        pytest.exit(f"--target {address}: {error}", returncode=2)
    pytestconfig.stash[OPEN].callback(_close, pytestconfig, built)
    return built


def _close(config: pytest.Config, built: Closable) -> None:
    with workers.alone(config, built.address, "a lab goes"):
        built.close()


@pytest.fixture(scope="session")
def permit(pytestconfig: pytest.Config) -> arming.Permit:
    """Join the system's rules with what was said on the command line."""
    option, system = pytestconfig.getoption, pytestconfig.stash[SYSTEM]
    return arming.permit(system.safety, armed=option("--arm"), approved_by=option("--approved-by"))


@pytest.fixture(scope="session")
def yard(pytestconfig: pytest.Config, target: Target, permit: arming.Permit) -> Yard:
    """Open the door's session, after healing what dead sessions left."""
    try:
        meter.check(target, pytestconfig.getoption("--meter"))
        session = pytestconfig.stash[OPEN].enter_context(guard.Session(permit=permit))
    except DrillyardError as error:
        pytest.exit(f"not drilling: {error}", returncode=2)
    actions.use(session)
    os.environ[where.VARIABLE] = target.address
    stash = pytestconfig.stash
    return Yard(
        target=target,
        system=stash[SYSTEM],
        session=session,
        folder=stash[RUN],
        screen=stash[SCREEN],
        meter=pytestconfig.getoption("--meter"),
    )


@pytest.fixture
def repetition() -> Repetition:
    """Say which repetition of its drill a test is; `--repeat` makes several."""
    return Repetition()


@pytest.fixture
def drill(request: pytest.FixtureRequest, repetition: Repetition) -> Iterator[Drill | Planner]:
    """Play an experiment and judge it: `drill("api-killed", component="api", rto="10 s")`. Under --plan: tell only."""
    marks = [mark.name for mark in request.node.iter_markers()]
    named = Named(test=request.node.name, marks=marks, repetition=repetition)
    results = request.node.user_properties
    if request.config.getoption("--plan"):  # asks for no yard: there is neither a session nor a watchdog
        target, permit = request.getfixturevalue("target"), request.getfixturevalue("permit")
        system = request.config.stash[SYSTEM]
        yield Planner(named=named, target=target, system=system, permit=permit, results=results)
        return
    yard: Yard = request.getfixturevalue("yard")
    try:
        _alone(request, yard, named.folder)
        yield Drill(named=named, yard=yard, results=results)
        yard.session.stop(by="teardown").check()
    finally:
        yard.session.let_go()
        if why := yard.session.stopped():
            request.session.shouldstop = why  # no other drill begins


def _alone(request: pytest.FixtureRequest, yard: Yard, drill: str) -> None:
    """Wait until nobody else drills on the target; nobody drills after somebody has pressed the red button."""

    def say(text: str) -> None:
        telling.leave(request.config, text)

    try:
        if turn := workers.turn(request.config, yard.target.address):
            yard.session.take_turn(turn, drill=drill, say=say)
        yard.session.hold(yard.target.address, drill=drill, say=say)
    except DrillyardError as reason:
        pytest.fail(f"not drilling: {reason}", pytrace=False)
    if why := yard.session.stopped():
        pytest.fail(f"not drilling: {why}", pytrace=False)
