"""What a drill asks for, read and checked before anything is hurt. Of one floor with conftest.py."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments import run
from probes import watching
from targets import objectives
from targets.systems import System

SEVERITIES, SCHEDULES = ("p0", "p1", "p2", "p3"), ("monthly", "quarterly", "annual")


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """Which of how many times a drill is played in one session."""

    number: int = 1
    count: int = 1

    @property
    def id(self) -> str:
        """Name it in a test's id."""
        return f"repetition{self.number}"


@dataclass(frozen=True, kw_only=True)
class Named:
    """A drill's name, from its test's, and its marks."""

    test: str  # "test_primary_killed", "test_primary_killed[repetition2]"
    marks: Sequence[str]
    repetition: Repetition = Repetition()

    @property
    def drill(self) -> str:
        """Name the drill, whichever repetition of it this is."""
        name = re.sub(rf"(?<=[\[-]){self.repetition.id}(?=[\]-])", "", self.test)
        return re.sub(r"[^A-Za-z0-9.]+", "-", name.removeprefix("test_")).strip("-")

    @property
    def folder(self) -> str:
        """Name the folder of its records: each repetition has its own."""
        return f"{self.drill}-{self.repetition.number}" if self.repetition.count > 1 else self.drill


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An experiment, what it is held to, and what the client is told."""

    script: Mapping[str, Any]
    objective: Mapping[str, Any]
    client: Mapping[str, Any]
    held: Sequence[str]  # the components that it is about

    @property
    def injections(self) -> list[dict[str, Any]]:
        """List the arguments of every injection, `fault` among them."""
        return run.injections(self.script)


def ask(
    doors: watching.Doors,
    system: System,
    named: Named,
    experiment: str | Mapping[str, Any],
    *,
    ledger_id: str,
    component: str,
    rto: str,
    rpo: str,
    recovered_by: str,
    also: Sequence[str] | Mapping[str, str],
    spares: Sequence[str],
) -> Asked:
    """Read and check everything, touching nothing. DrillyardError for what is wrong, Unable for what is missing."""
    script = run.load(experiment) if isinstance(experiment, str) else dict(experiment)
    held, spared = (
        [watching.watching(doors, system, one, ledger_id=f"{ledger_id}-{one}") for one in every]
        for every in ((component, *also), spares)
    )
    repeated = {"repeats": named.drill, "repetition": named.repetition.number, "repetitions": named.repetition.count}
    objective = {
        "drill": named.folder,
        **(repeated if named.repetition.count > 1 else {}),
        "title": script["title"],
        "experiment": experiment if isinstance(experiment, str) else f"{script['title']} (edited)",
        "component": component,
        "recovered_by": recovered_by,
        "rto_s": objectives.narrowed(system, component, "rto", rto, named.drill),
        "rpo_s": objectives.narrowed(system, component, "rpo", rpo, named.drill),
        "rpos": _rpos(system, dict(zip(also, held[1:], strict=True)), also) if isinstance(also, Mapping) else {},
        "severity": _marked(named, SEVERITIES, system.component(component).severity),
        "schedule": _marked(named, SCHEDULES, "quarterly"),
        **watching.judged(held, spared),
    }
    client = watching.spec([*held, *spared])
    return Asked(script=script, objective=objective, client=client, held=(component, *also))


def _rpos(system: System, watched: Mapping[str, watching.Watching], promised: Mapping[str, str]) -> dict[str, float]:
    """Say which ledgers are held to an RPO that is not the drill's."""
    return {
        ledger["name"]: objectives.narrowed(system, component, "rpo", promised[component])
        for component, one in watched.items()
        for ledger in one.ledgers
    }


def _marked(named: Named, among: Sequence[str], default: str) -> str:
    return next((mark for mark in named.marks if mark in among), default)
