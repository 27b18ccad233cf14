"""Reading a drill's folder.  Whatever is missing or torn becomes a sentence in `problems`, never a traceback.

A torn last line of a `.jsonl` is what a killed process leaves: it is dropped, and `torn` names the file.
A mangled line in the middle is a problem; the other lines are still read, so that numbers can be shown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

from reports import lines
from reports.shapes import (
    Activity,
    BadRecord,
    Clock,
    FinalRead,
    Injection,
    Journal,
    Objective,
    Record,
    Request,
    Sample,
    Session,
    Write,
    build,
)

OUTSIDE = "outside/samples.jsonl"
INTENDED = attrgetter("intended_ns")


@dataclass(frozen=True, kw_only=True)
class Drill:
    """Everything a drill left behind, as far as it could be read."""

    name: str  # the folder's
    objective: Objective | None
    samples: tuple[Sample, ...]
    writes: tuple[Write, ...]
    final_reads: Mapping[str, FinalRead]
    activities: tuple[Activity, ...]
    journal: Journal | None
    injections: tuple[Injection, ...]  # in the order they were injected, those never started last
    session: Session | None
    clock: Clock | None  # None: the client ran on this machine
    problems: Mapping[str, str]  # file name -> one sentence
    torn: frozenset[str]  # .jsonl files whose last line was cut off
    tracks: Mapping[str, tuple[tuple[Request, ...], ...]]  # name -> its stream and its ledger, by intended time
    outside: Mapping[str, tuple[tuple[Request, ...], ...]]  # as a second client saw it from farther away


def _tracks(samples: Sequence[Sample], writes: Sequence[Write]) -> dict[str, tuple[tuple[Request, ...], ...]]:
    """Sort requests by who made them; a stream and a ledger of one name stay apart, each on its own schedule."""
    found: dict[str, tuple[tuple[Request, ...], ...]] = {}
    rows: Sequence[Request]
    for rows in (samples, writes):
        apart: dict[str, list[Request]] = {}
        for row in rows:
            apart.setdefault(row.stream, []).append(row)
        for name, track in apart.items():
            found[name] = (*found.get(name, ()), tuple(sorted(track, key=INTENDED)))
    return found


def read_drill(folder: Path) -> Drill:
    """Read a drill's folder, however little there is of it."""
    with lines.uncollected():
        return _read(_Desk(folder))


def _read(desk: "_Desk") -> Drill:
    objective = desk.record("objective.json", Objective)
    desk.mapping("environment.json")
    samples, writes = desk.rows("samples.jsonl", Sample), desk.rows("writes.jsonl", Write)
    return Drill(
        name=desk.folder.resolve().name,
        objective=objective,
        samples=samples,
        writes=writes,
        tracks=_tracks(samples, writes),
        outside=_tracks(desk.rows(OUTSIDE, Sample), ()) if (desk.folder / OUTSIDE).exists() else {},
        final_reads=desk.final_reads(),
        activities=desk.lines("activities.jsonl", Activity),
        journal=desk.journal(),
        injections=desk.injections(),
        session=desk.record("session.json", Session),
        clock=desk.record("clock.json", Clock) if (desk.folder / "clock.json").exists() else None,
        problems=desk.problems,
        torn=frozenset(desk.torn),
    )


def load_json(path: Path) -> tuple[Any, str | None]:
    """Read a JSON file: its value and None, or None and why not."""
    try:
        return parse(path.read_bytes()), None
    except FileNotFoundError:
        return None, f"{path.name} is missing"
    except OSError as broken:
        return None, f"{path.name} cannot be read: {broken.strerror}"
    except (ValueError, RecursionError):
        return None, f"{path.name} is torn: it is not whole JSON"


def parse(text: bytes) -> Any:
    """Parse JSON; NaN and Infinity are no numbers to judge with. ValueError when it is not JSON."""
    return json.loads(text, parse_constant=lines.no_number)


class _Desk:
    """One folder on the desk, and what was found wrong with it so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: dict[str, str] = {}
        self.torn: set[str] = set()

    def json(self, name: str) -> Any:
        value, problem = load_json(self.folder / name)
        if problem:
            self.problems[name] = problem
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.json(name)
        if isinstance(value, dict):
            return value
        self.problems.setdefault(name, f"{name}: it is not a JSON object")
        return None

    def record(self, name: str, kind: type[Record]) -> Record | None:
        row = self.json(name)
        return None if name in self.problems else self._build(name, kind, row)

    def _build(self, name: str, kind: type[Record], row: object) -> Record | None:
        try:
            return build(kind, row)
        except BadRecord as bad:
            self.problems.setdefault(name, f"{name}: {bad}")
            return None

    def rows(self, name: str, kind: type[lines.R]) -> tuple[lines.R, ...]:
        try:
            with (self.folder / name).open("rb") as file:
                rows, torn = lines.read(file, kind, lambda number, line: self._line(name, kind, number, line))
        except OSError:
            self.problems[name] = f"{name} is missing"
            return ()
        if torn:
            self.torn.add(name)
        return rows

    def lines(self, name: str, kind: type[Record]) -> tuple[Record, ...]:
        try:
            parts = (self.folder / name).read_bytes().split(b"\n")
        except OSError:
            self.problems[name] = f"{name} is missing"
            return ()
        if parts.pop():  # a whole file ends with a newline: what follows the last one was cut off
            self.torn.add(name)
        rows = (self._line(name, kind, number, line) for number, line in enumerate(parts, 1) if line.strip())
        return tuple(row for row in rows if row is not None)

    def _line(self, name: str, kind: type[Record], number: int, line: bytes) -> Record | None:
        try:
            return build(kind, parse(line))
        except BadRecord as bad:
            self.problems.setdefault(name, f"{name}, line {number}: {bad}")
        except (ValueError, RecursionError):
            self.problems.setdefault(name, f"{name}, line {number} is mangled: it is not JSON")
        return None

    def final_reads(self) -> dict[str, FinalRead]:
        rows = self.mapping("final_read.json") or {}
        reads = {ledger: self._build("final_read.json", FinalRead, row) for ledger, row in rows.items()}
        return {ledger: read for ledger, read in reads.items() if read is not None}

    def journal(self) -> Journal | None:
        row = self.json("chaostoolkit.json")
        if "chaostoolkit.json" in self.problems:
            return None
        states = row.get("steady_states") if isinstance(row, dict) else None
        if not isinstance(states, dict):
            self.problems["chaostoolkit.json"] = "chaostoolkit.json: steady_states is missing"
            return None
        return Journal(status=str(row.get("status")), before=_met(states, "before"), after=_met(states, "after"))

    def injections(self) -> tuple[Injection, ...]:
        found = []
        for path in sorted((self.folder / "injections").glob("*.json")):
            injection = self.record(f"injections/{path.name}", Injection)
            if injection is not None:
                found.append(injection)
        return tuple(sorted(found, key=lambda i: (i.inject_started_ns is None, i.inject_started_ns or 0)))


def _met(states: Mapping[str, Any], when: str) -> bool | None:
    state = states.get(when)
    met = state.get("steady_state_met") if isinstance(state, dict) else None
    return met if isinstance(met, bool) else None
