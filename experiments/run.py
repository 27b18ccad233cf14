"""Plays a chaostoolkit experiment inside pytest. The only file that imports chaoslib.

What chaoslib leaves open is closed here: it does not validate what it runs, it mutates it, it skips rollbacks by
default, it goes on after a failed action, it ends a hypothesis at the first probe that fails, it stamps with the wall
clock, and it swallows an interruption.
"""

import copy
import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, TextIO

import yaml
from chaoslib.activity import execute_activity
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.hypothesis import within_tolerance
from chaoslib.run import RunEventHandler, Runner
from chaoslib.types import Schedule, Strategy

from experiments import faults
from targets.target import BadInput

FOLDER = Path(__file__).parent
STOP = {"type": "python", "module": "rollback.actions", "func": "stop"}
ALWAYS = {"runtime": {"rollbacks": {"strategy": "always"}}}

Experiment = dict[str, Any]
NO_DRY: Any = None  # chaoslib means None, and says Dry


def load(name: str, *, folder: Path = FOLDER) -> Experiment:
    """Read and check an experiment by its name, or one of your own by its path. BadInput: file, key, value, cure."""
    path = Path(name) if name.endswith(".yaml") else folder / f"{name}.yaml"
    try:
        experiment = yaml.safe_load(path.read_text())
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise BadInput(
            f"experiment {name!r}: cannot read {path} ({error.strerror}); there are {known}, or name a path that ends "
            "in .yaml"
        ) from error
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not YAML: {error}") from error
    _check(path, experiment)
    return dict(experiment)


def injections(experiment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the arguments of every injection that the method makes."""
    return [
        dict(activity["provider"].get("arguments", {}))
        for activity in experiment["method"]
        if activity["provider"].get("module") == "rollback.actions" and activity["provider"]["func"] == "inject"
    ]


def run(
    experiment: Mapping[str, Any],
    *,
    folder: Path,
    before_undo: Callable[[int], None] = lambda _: None,
    before_verdict: Callable[[int], None] = lambda _: None,
    seen: Callable[[Mapping[str, Any]], None] = lambda _: None,
    over: Callable[[], bool] = lambda: False,
    unbroken: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> dict[str, Any]:
    """Play it, writing activities.jsonl and chaostoolkit.json into `folder`; returns chaostoolkit's journal.

    before_verdict: called after the method, before the hypothesis is looked at again, with the moment (monotonic ns) at
    which the method's last action ended: what comes behind it only looks.  before_undo: called so, too, before each
    action of the method that puts something back.  seen: called with every activity's `name`,
    `kind` and `phase` when it starts, and with its whole record when it ends.  over: asked after every activity of the
    method, ends it when it is so.  unbroken: no signal breaks off what runs in this.  An interruption is raised again
    as KeyboardInterrupt, after the rollbacks.
    """
    with ExitStack() as stack:
        with unbroken():
            file = stack.enter_context((folder / "activities.jsonl").open("w", buffering=1))
        clock = _Clock(file, before_undo, before_verdict, seen, over)
        runner = _Runner(Strategy.DEFAULT, Schedule())
        runner.register_event_handler(clock)
        journal: dict[str, Any] = runner.run(copy.deepcopy(dict(experiment)), settings=copy.deepcopy(ALWAYS))
    with unbroken():
        (folder / "chaostoolkit.json").write_text(json.dumps(journal, indent=1, default=str) + "\n")
    if clock.signalled and not clock.refused:
        raise KeyboardInterrupt("interrupted during an experiment")
    return journal


class _Runner(Runner):
    """chaoslib's runner without its signal handlers: conftest owns the signals."""

    def run(
        self, experiment: Experiment, settings: Any = None, experiment_vars: Any = None, journal: Any = None
    ) -> Any:
        self.configure(experiment, settings, experiment_vars)
        return self._run(
            self.strategy, self.schedule, experiment, journal,
            self.config, self.secrets, self.settings, self.event_registry,
        )  # fmt: skip


class _Clock(RunEventHandler):
    """Stamps every activity on the monotonic clock as it happens, and stops the method when an action fails."""

    def __init__(
        self,
        file: TextIO,
        before_undo: Callable[[int], None],
        before_verdict: Callable[[int], None],
        seen: Callable[[Mapping[str, Any]], None],
        over: Callable[[], bool],
    ) -> None:
        self.file = file
        self.before_undo = before_undo
        self.before_verdict = before_verdict
        self.acted_ns = time.monotonic_ns()
        self.seen = seen
        self.over = over
        self.phase = "before"
        self.started_ns: dict[int, int] = {}
        self.signalled = False
        self.refused = False  # an activity ended the method itself: the door did not open, or the fault did not work

    def started(self, experiment: Experiment, journal: Any) -> None:
        self.journal = journal
        self.experiment = experiment

    def start_method(self, experiment: Experiment) -> None:
        self.phase = "method"

    def start_hypothesis_after(self, experiment: Experiment) -> None:
        self.before_verdict(self.acted_ns)
        self.phase = "after"

    def start_rollbacks(self, experiment: Experiment) -> None:
        self.phase = "rollbacks"

    def hypothesis_before_completed(self, experiment: Experiment, state: Any, journal: Any) -> None:
        self._look_at_the_rest(state)

    def hypothesis_after_completed(self, experiment: Experiment, state: Any, journal: Any) -> None:
        self._look_at_the_rest(state)

    def signal_exit(self) -> None:
        self.signalled = True

    def start_activity(self, activity: Any) -> None:
        if self.phase == "method" and STOP.items() <= activity["provider"].items():
            self.before_undo(self.acted_ns)
        self.seen({"name": activity["name"], "kind": activity["type"], "phase": self.phase})
        self.started_ns[id(activity)] = time.monotonic_ns()

    def activity_completed(self, activity: Any, run: Any) -> None:
        failed = run.get("status") != "succeeded"
        raised = sys.exc_info()[1]
        self.refused = self.refused or isinstance(raised, SystemExit)
        ends = (failed and activity["type"] == "action") or self.over()
        if ends and self.phase == "method":
            self.journal["status"] = "failed"  # chaoslib looks at it between activities
        exception = (run.get("exception") or [str(raised or "it did not end")])[-1].strip() if failed else None
        ended_ns = time.monotonic_ns()
        if activity["type"] == "action":
            self.acted_ns = ended_ns
        row = {
            "name": activity["name"],
            "kind": activity["type"],
            "phase": self.phase,
            "started_ns": self.started_ns.pop(id(activity), None),
            "ended_ns": ended_ns,
            "status": "failed" if failed else "succeeded",
            "output": run.get("output"),
            "tolerance_met": _tolerated(activity, run, failed=failed),
            "error": exception and exception.removeprefix("chaoslib.exceptions.ActivityFailed: "),
        }
        self.file.write(json.dumps(row, default=str) + "\n")
        self.seen(row)

    def _look_at_the_rest(self, state: Any) -> None:
        """Run the probes behind the one that ended the hypothesis: every probe, every time."""
        if not state:
            return
        probes = self.experiment["steady-state-hypothesis"]["probes"]
        for probe in probes[len(state["probes"]) :]:
            self.start_activity(probe)
            run = execute_activity(self.experiment, probe, {}, {}, NO_DRY)
            self.activity_completed(probe, run)
            state["probes"].append(run)


def _tolerated(activity: Mapping[str, Any], run: Mapping[str, Any], *, failed: bool) -> bool | None:
    if "tolerance" not in activity:
        return None
    try:
        return not failed and bool(within_tolerance(activity["tolerance"], run["output"]))
    except Exception:  # noqa: BLE001  chaoslib needs packages for some kinds; what cannot be told is not within
        return False


def _check(path: Path, experiment: Any) -> None:
    if not isinstance(experiment, dict):
        raise BadInput(f"{path}: not an experiment but {type(experiment).__name__}; see experiments/api-killed.yaml")
    for key in ("steady-state-hypothesis", "method", "rollbacks"):
        if not experiment.get(key):
            raise BadInput(f"{path}: {key} is missing or empty; every experiment has one")
    try:
        ensure_experiment_is_valid(copy.deepcopy(experiment))
    except (ChaosException, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from error
    if [activity["provider"] for activity in experiment["rollbacks"]] != [STOP]:
        raise BadInput(
            f"{path}: rollbacks must be one action with the provider {STOP}: the undo has one author, the fault"
        )
    if experiment.get("runtime") != ALWAYS["runtime"]:
        raise BadInput(f"{path}: runtime must be {ALWAYS['runtime']}, or `chaos run` skips rollbacks")
    planned = injections(experiment)
    if not planned:
        raise BadInput(f"{path}: method injects nothing; add an action with rollback.actions.inject")
    for arguments in planned:
        if arguments.get("fault") not in faults.names():
            raise BadInput(
                f"{path}: fault = {arguments.get('fault')!r}: no such fault; there are {', '.join(faults.names())}"
            )
