"""Plays one experiment against one component and judges it: what the `drill` fixture gives to a test.

Of one floor with conftest.py, which makes the fixtures from it; the suites beside it see the fixtures only.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from drills.harness.asked import Asked, Named, ask
from drills.harness.meter import OUTSIDE, Meter, doors, outside_too, place
from drills.harness.screen import NOBODY, Scene, Screen
from experiments import run
from probes import handle
from reports import calibration, measures, record, terminal, trial
from reports.outcome import Outcome
from rollback import guard, signals
from targets import places
from targets.systems import System
from targets.target import DrillyardError, Target, Unable

STEADY_WITHIN_S = 20.0  # before the fault: a lab that has just healed from the last drill, on a slow machine
GIVE_UP_S = 30.0  # after the undo: a service that is not back by then is not coming back
NS = 1_000_000_000
PROPERTY = "drillyard-result"  # of a test's report
INTERRUPTED = {"recovered": False, "why_not": None, "error": trial.INTERRUPTED}
KILLED = {**INTERRUPTED, "error": "the harness was gone before it could say more"}


@dataclass(frozen=True, kw_only=True)
class Yard:
    """What the drills of one process share."""

    target: Target
    system: System
    session: guard.Session
    folder: Path
    screen: Screen = NOBODY
    tells: bool = True  # every drill leaves its result in one line
    meter: Meter = OUTSIDE


@dataclass(frozen=True, kw_only=True)
class Drill:
    """Plays an experiment against a component and judges it."""

    named: Named
    yard: Yard
    results: list[tuple[str, object]] = field(default_factory=list)  # the test's user_properties

    def __call__(
        self,
        experiment: str | Mapping[str, Any],
        *,
        component: str,
        rto: str = "",
        rpo: str = "",
        recovered_by: Literal["system", "stop"] = "system",
        also: Sequence[str] | Mapping[str, str] = (),
        spares: Sequence[str] = (),
    ) -> Outcome:
        """Hold `component` to its objectives while `experiment` (a name, or an edited script) is played.

        rto, rpo: narrow the objectives of the system's file.  recovered_by: "system", it must come back by itself or
        by the experiment's recovery; "stop", healing the fault is what brings it back.  also: components held to the
        same objectives, the worst counts; a mapping gives each an RPO of its own ({"redis": "1 s"}).  spares:
        components whose callers must not notice anything.  Bad input fails the test with one line; a missing ability
        skips it.
        """
        yard, stamps = self.yard, {"called_ns": time.monotonic_ns()}
        try:
            asked = ask(
                doors(yard.target, yard.meter),
                yard.system,
                self.named,
                experiment,
                ledger_id=f"{self.named.folder}-{uuid.uuid4().hex}",  # no drill reads back what another wrote
                component=component,
                rto=rto,
                rpo=rpo,
                recovered_by=recovered_by,
                also=also,
                spares=spares,
            )
            for injection in asked.injections:  # reads only: whatever is wrong shows before anything is hurt
                guard.plan(yard.target, injection.pop("fault"), injection)
        except Unable as reason:
            pytest.skip(str(reason))
        except DrillyardError as error:
            pytest.fail(str(error), pytrace=False)
        with yard.screen.scene(asked.objective["drill"], asked.objective["rto_s"]) as scene:
            yard.screen.say(f"{asked.objective['drill']}: {asked.objective['title']}")
            outcome = _Play(yard, asked, scene, stamps).play()
        if yard.tells:
            self.results.append((PROPERTY, terminal.line(outcome)))
        return outcome


class _Play:
    """One drill under way: records everything into its folder, puts everything back, judges from the folder alone."""

    def __init__(self, yard: Yard, asked: Asked, scene: Scene, stamps: dict[str, int]) -> None:
        self.yard, self.asked, self.scene, self.stamps = yard, asked, scene, stamps
        self.folder = yard.folder / asked.objective["drill"]
        self.heard = signals.heard()

    def play(self) -> Outcome:
        last: dict[str, Any] = INTERRUPTED
        opened = False
        try:
            with signals.deferred():  # no drill without its first records, and none that has them without an outcome
                self._open()
                opened = True
            last = self._measured()
            signals.check(self.heard)
        except DrillyardError as error:
            if not opened:
                raise
            last = {**last, "error": str(error)}
        except KeyboardInterrupt:
            last = INTERRUPTED
            raise
        finally:
            if opened:
                with signals.deferred():
                    outcome = self._closed(last)
        return outcome

    def _stamp(self, name: str) -> None:
        self.stamps[f"{name}_ns"] = time.monotonic_ns()

    def _reached(self, name: str) -> None:
        """Stamp, and go no further when somebody has pressed the red button, or put back what is this drill's."""
        self._stamp(name)
        self.yard.session.check()

    def _over(self) -> bool:
        try:
            self.yard.session.check()
        except DrillyardError:
            return True
        return False

    def _open(self) -> None:
        yard, objective = self.yard, self.asked.objective
        try:
            meter = calibration.read(places.state_dir())
            record.begin(yard.folder, target=yard.target.address, system=yard.system.name, calibration=meter)
            self.folder.mkdir()
        except OSError as error:
            pytest.exit(
                f"not drilling: cannot write the records ({error}); name another place by --run-folder", returncode=2
            )
        record.write(self.folder / "objective.json", objective)
        record.write(self.folder / "environment.json", record.environment(yard.target.address))
        self._last_words(KILLED)  # until there are others
        yard.session.begin(drill=objective["drill"], severity=objective["severity"], folder=self.folder)

    def _closed(self, last: Mapping[str, Any]) -> Outcome:
        self.scene.enter("putting everything back")
        self._stamp("last_stop_began")
        stopped = self.yard.session.stop(by="teardown")
        self._stamp("last_stop_ended")
        self._last_words({**last, "error": "; ".join(stopped.failed)} if stopped.failed else last)
        self.scene.enter("judging")
        outcome = measures.judge(self.folder)
        measures.write_outcome(outcome, self.folder)
        self._stamp("judged")
        record.write(self.folder / "stamps.json", self.stamps)
        return outcome

    def _last_words(self, last: Mapping[str, Any]) -> None:
        record.write(self.folder / "session.json", {**last, "ended_ns": time.monotonic_ns()})

    def _measured(self) -> dict[str, Any]:
        """Run the client around the experiment; returns the harness's last words."""
        spec, scene, session = {**self.asked.client, "folder": str(self.folder)}, self.scene, self.yard.session
        yard, streams = self.yard, self.asked.objective["streams"]
        beside = outside_too(yard.target, yard.meter, yard.system, self.asked.held, self.folder / "outside")
        scene.enter("starting the client")
        self._stamp("client_asked")
        with place(yard.target, yard.meter) as argv, handle.start(spec, argv) as client, beside:
            self._reached("client_started")
            scene.ask = lambda after_ns: client.figures(after_ns, streams)
            scene.enter("steady before: waiting until callers are served")
            began = client.steady(after_ns=0, timeout_s=STEADY_WITHIN_S)
            self._reached("steady_before")
            if began.since_ns is None:
                return {"recovered": False, "why_not": began.why, "error": f"not steady before the fault: {began.why}"}
            self._experiment(client, spec["window_s"])
            scene.enter("putting back")
            self._stamp("stop_began")
            healed = self._healed()
            self._reached("stop_ended")
            scene.enter("steady after: waiting until callers are served")
            ended = client.steady(after_ns=healed, timeout_s=GIVE_UP_S)
            self._reached("steady_after")
            scene.enter("reading back what was written")
            client.finish(timeout_s=GIVE_UP_S)
            self._reached("finished")
        error = str(session.failure) if session.failure else None
        return {"recovered": ended.since_ns is not None, "why_not": ended.why or None, "error": error}

    def _healed(self) -> int:
        """Put everything back; gives the moment from which a clean window counts: after the last undo there was."""
        began, session = self.stamps["stop_began_ns"], self.yard.session
        session.stop(by="teardown").check()
        return max(session.healed_ns, began - int(self.asked.client["window_s"] * NS))

    def _experiment(self, client: handle.Client, window_s: float) -> None:
        objective = self.asked.objective
        within_s = min(objective["rto_s"] + 2 * window_s, GIVE_UP_S)

        def served(acted_ns: int) -> None:
            """Wait for a clean window that no action disturbs, all of it answered: it may lie behind us already."""
            self.scene.enter("recovery: waiting until callers are served")
            client.steady(max(acted_ns, time.monotonic_ns() - int(window_s * NS)), within_s)

        def unaided(acted_ns: int) -> None:
            """Let the system have its objective, or what we wait of it, before an undo in the method could help it."""
            if objective["recovered_by"] == "system" and not self._over():
                served(acted_ns)

        def recovered(acted_ns: int) -> None:
            self._stamp("recovery_awaited")
            if not self._over():
                served(acted_ns)
                self._stamp("recovered")

        self._stamp("experiment_began")
        run.run(
            self.asked.script,
            folder=self.folder,
            before_undo=unaided,
            before_verdict=recovered,
            seen=self.scene.activity,
            over=self._over,
            unbroken=signals.deferred,
        )
        self._reached("experiment_ended")
        signals.check(self.heard)  # chaostoolkit swallows some
