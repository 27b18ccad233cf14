"""What a drill takes beside its fault, its recovery and the clean windows that it asks for: the harness's own cost.

    planning             reading the experiment, choosing the victims, opening the records
    client start         the measuring client's process
    waiting before       until callers are served, beyond the window
    looking before       the steady-state hypothesis, up to the method: its own steps, preparations too, are the drill
    looking after        the hypothesis again
    putting back         the rollbacks and the stop; what the method itself heals is recovery
    waiting after        until callers are served, beyond the window
    final read           of the ledgers, and the client's end
    judging              and writing the outcome

From stamps.json and activities.jsonl alone.  What was not stamped, of a drill that ended early, is left
out; `complete` says whether all of it is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reports.folder import Drill, load_json, read_drill
from reports.runs import drill_folders
from reports.shapes import NS

PARTS = (  # name, from, to: stamps.json's keys without `_ns`; `method` and `rollbacks` are in activities.jsonl
    ("planning", "called", "client_asked"),
    ("client start", "client_asked", "client_started"),
    ("waiting before", "client_started", "steady_before"),
    ("looking before", "steady_before", "method"),
    ("looking after", "recovered", "rollbacks"),
    ("putting back", "rollbacks", "stop_ended"),
    ("waiting after", "stop_ended", "steady_after"),
    ("final read", "steady_after", "finished"),
    ("judging", "finished", "judged"),
)
WITH_WINDOW = ("waiting before", "waiting after")


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """One drill's time, in seconds."""

    parts: Mapping[str, float]  # of the overhead, by name
    drilled_s: float | None  # the method: fault and recovery, with the window that proves it
    windows_s: float  # the clean windows before the fault and after the undo
    whole_s: float | None  # from the drill's call to its outcome

    @property
    def total_s(self) -> float:
        """The overhead."""
        return sum(self.parts.values())

    @property
    def complete(self) -> bool:
        """Tell whether every part is known."""
        return len(self.parts) == len(PARTS)


def of_run(run_folder: Path) -> dict[str, Overhead]:
    """Measure every drill of a run, by its folder's name."""
    return {folder.name: of_drill(folder) for folder in drill_folders(run_folder)}


def of_drill(folder: Path) -> Overhead:
    """Measure one drill from its folder."""
    drill = read_drill(folder)
    at = _stamps(folder, drill)
    window_s = drill.objective.window_s if drill.objective else 0.0
    parts, windows_s = {}, 0.0
    for name, begins, ends in PARTS:
        took = _between(at, begins, ends)
        if took is not None:
            window = min(took, window_s) if name in WITH_WINDOW else 0.0  # the last may have begun before the undo
            parts[name], windows_s = took - window, windows_s + window
    return Overhead(
        parts=parts,
        drilled_s=_between(at, "method", "recovered"),
        windows_s=windows_s,
        whole_s=_between(at, "called", "judged"),
    )


def _stamps(folder: Path, drill: Drill) -> dict[str, int]:
    stamps, _ = load_json(folder / "stamps.json")
    known = stamps.items() if isinstance(stamps, dict) else ()
    at = {key.removesuffix("_ns"): value for key, value in known if type(value) is int}
    for phase in ("method", "rollbacks"):
        begun = [a.started_ns for a in drill.activities if a.phase == phase and a.started_ns is not None]
        if begun:
            at[phase] = min(begun)
    return at


def _between(at: Mapping[str, int], begins: str, ends: str) -> float | None:
    return (at[ends] - at[begins]) / NS if begins in at and ends in at else None
