"""A drill that is played several times counts once, by its worst, and says how much its numbers differ."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from drills.harness.asked import Named, Repetition
from reports import terminal
from reports.repeats import Group
from reports.runs import Told, tell
from targets.target import Target
from tests.runfolder import OUTAGE, Records, acked, between, final_read, injection, objective, requests, run, writes

ROOT = Path(__file__).parent.parent
FAST = {"samples": requests(down=between((0.1, 0.5))), "writes": writes(down=between((0.1, 0.5)))}
SLOW: dict[str, Any] = {}  # 1.1 s
MISSED = {"samples": requests(down=between((0.1, 4.1)))}
NEVER = {"samples": requests(down=between((0.1, 9)))}
LOST = {"objective": {"rpo_s": 5.0}, "final_read": final_read([s for s in acked(writes(down=OUTAGE)) if s != 98])}
UNKNOWN = {"injections": [injection(bite=False)]}
NOT_PUT_BACK = {"injections": [injection(healed_at_ns=None)]}


def repeated(folder: Path, *repetitions: dict[str, Any], of: int | None = None) -> Told:
    """Lay a run of one drill, repeated."""
    run(folder)
    for number, changed in enumerate(repetitions, 1):
        more = {"drill": f"api-killed-{number}", "repeats": "api-killed", "repetition": number}
        held = objective(**more, repetitions=of or len(repetitions), **changed.get("objective", {}))
        Records(**{**changed, "objective": held}).lay(folder / f"api-killed-{number}")
    return tell(folder)


def only(told: Told) -> Group:
    (drill,) = told.drills
    return drill


def test_the_numbers_and_their_spread(tmp_path: Path) -> None:
    drill = only(repeated(tmp_path / "r", FAST, SLOW, FAST, LOST))
    assert (drill.drill, drill.verdicts, drill.worst.verdict) == ("api-killed", {"met": 4}, "met")
    assert drill.rto.median_s == pytest.approx(0.8)
    assert drill.rto.worst_s == 1.1
    assert drill.rto.spread_s == pytest.approx(0.6)
    assert (drill.rpo.median_s, drill.rpo.worst_s, drill.rpo.spread_s) == (0, *[pytest.approx(0.058, abs=0.03)] * 2)
    assert (drill.worst.rto_s, drill.worst.writes.lost) == (1.1, 1)


@pytest.mark.parametrize(
    ("repetitions", "of", "verdict", "points"),
    [
        ((FAST, FAST), None, "met", 100),
        ((FAST, MISSED, UNKNOWN), None, "missed", 70),  # twice the objective, and more
        ((FAST, NEVER), None, "missed", 30),
        ((FAST, UNKNOWN), None, "unknown", None),
        ((FAST, FAST), 3, "unknown", None),  # one was never played
        ((FAST, MISSED), 3, "missed", 70),
        ((MISSED, NOT_PUT_BACK), None, "missed", 0),
    ],
)
def test_the_worst_counts_and_once(
    tmp_path: Path, repetitions: tuple[dict[str, Any], ...], of: int | None, verdict: str, points: float | None
) -> None:
    told = repeated(tmp_path / "r", *repetitions, of=of)
    assert only(told).worst.verdict == verdict
    assert told.score.due == 1
    assert told.score.points == (None if points is None else pytest.approx(points))


def test_what_an_unknown_repetition_saw_is_no_number(tmp_path: Path) -> None:
    drill = only(repeated(tmp_path / "r", FAST, {**NEVER, **UNKNOWN}, FAST))
    assert drill.rto.worst_s == 0.5
    assert drill.rto.spread_s == 0


@pytest.mark.parametrize("width", [80, 160])
def test_it_is_told_with_its_reasons(tmp_path: Path, width: int) -> None:
    page = io.StringIO()
    terminal.show(repeated(tmp_path / "r", FAST, MISSED, UNKNOWN, of=5), Console(file=page, width=width))
    told = page.getvalue()
    assert max(map(len, told.splitlines())) <= width
    flat = " ".join(told.split())
    for says in (
        "1 met, 1 missed, 1 unknown of 5 RTO 2.3 s 4.1 s 3.6 s RPO 0 s 0 s 0 s",
        "counts once, by its worst repetition",
        "api-killed: missed - only 3 of 5 repetitions were played",
        "api-killed-2: missed - api came back 4.10 ± 0.03 s",
        "api-killed-3: unknown - the kill of api-1 did not bite",
        "(coverage 1 of 1 due drills)",
    ):
        assert says in flat, told


def test_a_run_without_repetitions_is_told_as_ever(tmp_path: Path) -> None:
    folder = run(tmp_path / "r")
    Records().lay(folder / "api-killed")
    page = io.StringIO()
    terminal.show(tell(folder), Console(file=page, width=100))
    assert "repeat" not in page.getvalue()


@pytest.mark.parametrize(
    ("test", "number", "drill", "folder"),
    [
        ("test_primary_killed", 0, "primary-killed", "primary-killed"),
        ("test_primary_killed[repetition2]", 2, "primary-killed", "primary-killed-2"),
        ("test_killed[redis-repetition2]", 2, "killed-redis", "killed-redis-2"),
        ("test_killed[repetition2-redis]", 2, "killed-redis", "killed-redis-2"),
        ("test_killed[a/../b]", 0, "killed-a-..-b", "killed-a-..-b"),
    ],
)
def test_every_repetition_has_a_folder_of_its_own(test: str, number: int, drill: str, folder: str) -> None:
    repetition = Repetition(number=number, count=3) if number else Repetition()
    named = Named(test=test, marks=[], repetition=repetition)
    assert (named.drill, named.folder) == (drill, folder)


def test_drills_are_really_repeated(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    options = ["--target", target.address, "--repeat", "2", "-k", "every_replica_killed", "--run-folder", str(folder)]
    played = subprocess.run(
        [sys.executable, "-m", "pytest", "drills/", *options],
        cwd=ROOT, env={**os.environ, "COLUMNS": "100"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert played.returncode == 0, played.stdout
    assert "2 passed" in played.stdout
    assert [f"every-replica-killed-{number}: met" in played.stdout for number in (1, 2)] == [True, True]
    shown = subprocess.run(
        [sys.executable, "-m", "reports", "show", str(folder), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(shown.stdout)
    (drill,) = told["repeated"]
    assert (drill["drill"], drill["asked"], drill["verdicts"]) == ("every-replica-killed", 2, {"met": 2})
    assert drill["repetitions"] == ["every-replica-killed-1", "every-replica-killed-2"]
    assert list(told["score"]["marks"]) == ["every-replica-killed"]
    assert told["differences"] == []
    assert "2 met of 2" in played.stdout


@pytest.mark.parametrize("times", ["0", "-3"])
def test_less_than_once_is_one_line(times: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "drills/", f"--repeat={times}"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 4
    assert done.stderr.strip() == f"ERROR: --repeat {times}: give a whole number from 1 on"
