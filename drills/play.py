"""Plays one experiment against one component and judges it: what the `drill` fixture gives to a test.

Of one floor with conftest.py, which makes the fixtures from it; the suites beside it see the fixtures only.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from experiments import run
from probes import handle, watching
from reports import measures, record
from reports.outcome import Outcome
from rollback import guard
from targets import objectives
from targets.systems import System
from targets.target import DrillyardError, Target, Unable

SEVERITIES, SCHEDULES = ("p0", "p1", "p2", "p3"), ("monthly", "quarterly", "annual")
STEADY_WITHIN_S = 20.0  # before the fault: a lab that has just healed from the last drill, on a slow machine
GIVE_UP_S = 30.0  # after the undo: a service that is not back by then is not coming back


@dataclass(frozen=True, kw_only=True)
class Yard:
    """What the drills of one process share."""

    target: Target
    system: System
    session: guard.Session
    folder: Path
    say: Callable[[str], None]


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
        also: Sequence[str] = (),
        spares: Sequence[str] = (),
    ) -> Outcome:
        """Hold `component` to its objectives while `experiment` (a name, or an edited script) is played.

        rto, rpo: narrow the objectives of the system's file.  recovered_by: "system", it must come back by itself or
        by the experiment's recovery; "stop", healing the fault is what brings it back.  also: components held to the
        same objectives, the worst counts.  spares: components whose callers must not notice anything.  Bad input
        fails the test with one line; a missing ability skips it.
        """
        yard = self.yard
        try:
            script = run.load(experiment) if isinstance(experiment, str) else dict(experiment)
            held = [self._watching(one) for one in (component, *also)]
            spared = [self._watching(one) for one in spares]
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
                **watching.judged(held, spared),
            }
            for injection in run.injections(script):  # reads only: whatever is wrong shows before anything is hurt
                guard.plan(yard.target, injection.pop("fault"), injection)
        except Unable as reason:
            pytest.skip(str(reason))
        except DrillyardError as error:
            pytest.fail(str(error), pytrace=False)
        return _play(yard, script, objective, watching.spec([*held, *spared]))

    def _watching(self, component: str) -> watching.Watching:
        # of this drill and component only, even when a run folder's name is used again on the same target
        ledger_id = f"{self.yard.folder.name}-{self.name}-{component}-{uuid.uuid4().hex[:6]}"
        return watching.watching(self.yard.target, self.yard.system, component, ledger_id=ledger_id)

    def _marked(self, among: Sequence[str], default: str) -> str:
        return next((mark for mark in self.marks if mark in among), default)


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
