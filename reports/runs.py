"""A whole run: finding it, judging every drill in it again, and comparing with what was said at the time."""

import json
from dataclasses import dataclass
from pathlib import Path

from reports import measures
from reports.folder import load_json
from reports.outcome import Outcome
from reports.repeats import Group, groups
from reports.score import Score, score
from reports.shapes import BadRecord, Run, build
from reports.words import plain

RUNS = Path(__file__).parent / "runs"
MARKS = ("objective.json", "environment.json", "samples.jsonl", "activities.jsonl", "session.json", "injections")


class NoSuchRun(ValueError):
    """What was given names no run; the text lists the newest ones."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """Everything that is said about a run."""

    folder: Path
    run: Run | None  # None: run.json is missing or torn, and `problem` says so
    problem: str | None
    outcomes: tuple[Outcome, ...]  # of every repetition
    drills: tuple[Group, ...]  # what counts: each drill once
    score: Score
    differences: tuple[str, ...]  # where a stored outcome.json says something else


def judge_run(run_folder: Path) -> tuple[Outcome, ...]:
    """Judge every drill of a run from its records, by name. Reads only, and raises for nothing that is in there."""
    return tuple(measures.judge(folder) for folder in drill_folders(run_folder))


def drill_folders(run_folder: Path) -> tuple[Path, ...]:
    """List the folders of a run that hold a drill's records, however few."""
    return tuple(
        folder
        for folder in sorted(run_folder.iterdir())
        if folder.is_dir() and any((folder / mark).exists() for mark in MARKS)
    )


def tell(run_folder: Path) -> Told:
    """Judge a run and score it, as of its own time."""
    folders = drill_folders(run_folder)
    outcomes = tuple(measures.judge(folder) for folder in folders)
    drills = groups(outcomes)
    run, problem = _run(run_folder)
    differences = [_difference(folder, outcome) for folder, outcome in zip(folders, outcomes, strict=True)]
    return Told(
        folder=run_folder,
        run=run,
        problem=problem,
        outcomes=outcomes,
        drills=drills,
        score=score([drill.worst for drill in drills]),
        differences=tuple(d for d in differences if d),
    )


def _run(folder: Path) -> tuple[Run | None, str | None]:
    row, problem = load_json(folder / "run.json")
    try:
        return (None, problem) if problem else (build(Run, row), None)
    except BadRecord as bad:
        return None, f"run.json: {bad}"


def _difference(folder: Path, outcome: Outcome) -> str | None:
    """Compare with the stored outcome; a drill that was never judged before differs from nothing."""
    stored, problem = load_json(folder / "outcome.json")
    if problem:
        return None if problem.endswith("is missing") else f"{outcome.drill}: the stored {problem}"
    now = json.loads(json.dumps(outcome.to_json()))
    if not isinstance(stored, dict):
        return f"{outcome.drill}: the stored outcome.json is not an outcome"
    keys = [key for key in sorted({*now, *stored}) if now.get(key) != stored.get(key)]
    if not keys:
        return None
    said, where = plain(stored.get("verdict"), 20), ", ".join(plain(key, 40) for key in keys)
    says = f"the stored outcome.json said {said}, the records say {outcome.verdict}"
    return f"{outcome.drill}: {says} (it differs in {where})"


def find(given: str | None, runs: Path = RUNS) -> Path:
    """Find a run by folder or id; None or "latest" is the newest. NoSuchRun is one line that lists the newest."""
    known = newest(runs)
    if given in (None, "latest"):
        if known:
            return known[0]
        raise NoSuchRun("there is no run yet in reports/runs: play some drills with `pytest drills/`")
    for folder in (Path(given or ""), runs / (given or "")):
        if folder.is_dir() and ((folder / "run.json").exists() or drill_folders(folder)):
            return folder
    listed = ", ".join(path.name for path in known[:5]) or "none"
    raise NoSuchRun(f"no run {plain(given)!r}: give the folder or the id of a run; the newest are: {listed}")


def newest(runs: Path) -> list[Path]:
    """List the runs, the newest first: by the time they began, by id where run.json does not tell."""
    if not runs.is_dir():
        return []
    folders = [f for f in runs.iterdir() if f.is_dir() and not f.is_symlink() and not f.name.startswith(".")]
    return sorted(folders, key=_began, reverse=True)


def _began(folder: Path) -> tuple[str, str]:
    run, _ = _run(folder)
    return (run.started_at if run else "", folder.name)
