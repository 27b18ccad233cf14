"""How it is told: the same after the session and from disk, at every width, in a pipe."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from reports import judge_run
from reports.__main__ import main
from reports.measures import judge, write_outcome
from reports.runs import NoSuchRun, find, tell
from reports.terminal import summary
from reports.words import duration, plain, with_bound
from tests.runfolder import (
    OUTAGE,
    Records,
    acked,
    activity,
    between,
    final_read,
    injection,
    objective,
    requests,
    run,
    session,
    writes,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def played(tmp_path: Path) -> Path:
    """Lay a run of four drills: met, missed, unknown, and one that left hardly anything."""
    folder = run(tmp_path / "runs" / "20261121T040000Z-abc123")
    Records().lay(folder / "api-killed")
    lost = [seq for seq in acked(writes(down=OUTAGE)) if seq not in (98, 99)]
    Records(
        objective=objective(drill="postgres-primary-killed", severity="p0"),
        samples=requests(down=between((0.1, 4.1))),
        final_read=final_read([*lost, 1, 777]),
    ).lay(folder / "postgres-primary-killed")
    Records(
        objective=objective(drill="redis-master-killed", streams=["api"], ledgers=[]),
        injections=[injection(bite=False, residue=["rule [bold]r1[/bold] \x1b[31mred"])],
    ).lay(folder / "redis-master-killed")
    (folder / "torn").mkdir()
    (folder / "torn" / "samples.jsonl").write_text('{"stream": "a')
    for drill in ("api-killed", "postgres-primary-killed"):
        write_outcome(judge(folder / drill), folder / drill)
    return folder


def printed(folder: Path, width: int) -> str:
    page = io.StringIO()
    summary(folder, Console(file=page, width=width))
    return page.getvalue()


def show(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reports", "show", *argv],
        cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 160])
def test_everything_is_told_within_the_width_and_without_colour(played: Path, width: int) -> None:
    page = printed(played, width)
    assert max(map(len, page.splitlines())) <= width
    assert "\x1b" not in page
    assert "…" not in page  # nothing was cut
    flat = " ".join(page.split())
    for says in (
        "1.10 ± 0.03 s",
        "4.10 ± 0.03 s",
        "58 ± 30 ms",
        "not measured",
        "no ledger",
        "200 ms",
        "api came back 4.10 ± 0.03 s after the fault, the objective is 2 s",
        "2 of 300 acknowledged writes of orders are lost, 58 ± 30 ms worth of them, the objective is 0 s",
        "orders holds 1 row that nobody wrote",
        "orders holds 1 duplicate row",
        "the kill of api-1 did not bite",
        "left residue: rule [bold]r1[/bold] [31mred",
        "objective.json is missing",
        "(coverage 2 of 4 due drills), worst drill: postgres-primary-killed with 40.0",
        "20.0 lost by postgres-primary-killed: RTO 4.1 s, objective 2 s",
        "20.0 lost by postgres-primary-killed: rows that nobody wrote",
        "not counted: redis-master-killed, torn",
    ):
        assert says in flat, page


def test_a_table_row_tells_the_numbers(played: Path) -> None:
    rows = [line.split() for line in printed(played, 160).splitlines()]
    postgres = next(row for row in rows if row[:1] == ["postgres-primary-killed"] and "missed" in row)
    assert " ".join(postgres[1:]) == "missed 4.10 ± 0.03 s / 2 s 58 ± 30 ms / 0 s 2 0 1 1 200 ms"


def test_a_service_that_never_came_back_has_no_rto(tmp_path: Path) -> None:
    folder = run(tmp_path / "r")
    Records(samples=requests(down=between((0.1, 9)))).lay(folder / "api-killed")
    assert "over 5 s / 2 s" in printed(folder, 160)


def test_remarks_on_a_drill_that_was_met_are_told(tmp_path: Path) -> None:
    folder = run(tmp_path / "r")
    Records(final_read=final_read([1, *acked(writes(down=OUTAGE))])).lay(folder / "api-killed")
    page = printed(folder, 100)
    assert "- orders holds 1 duplicate row" in page
    assert "score 100.0 of 100 (coverage 1 of 1 due drills)\n" in page  # where nothing was lost, nothing is the worst


def test_a_run_in_which_nothing_counts_has_no_score(tmp_path: Path) -> None:
    folder = run(tmp_path / "r")
    Records(session=session(error="interrupted")).lay(folder / "api-killed")
    assert "score not measured (coverage 0 of 1 due drills)" in printed(folder, 80)


def test_long_outputs_of_probes_are_one_harmless_line(tmp_path: Path) -> None:
    folder = run(tmp_path / "r")
    noisy = activity("look", tolerance_met=False, output={"body": "\x1b[2J" + "x" * 9000})
    Records(activities=[noisy]).lay(folder / "api-killed")
    page = printed(folder, 80)
    assert "\x1b" not in page
    assert len(page) < 3000


@pytest.mark.parametrize("width", [80, 160])
def test_show_says_the_same_as_the_summary(played: Path, width: int) -> None:
    shown = show(str(played), COLUMNS=str(width))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == printed(played, width)


def test_show_without_utf8(played: Path) -> None:
    shown = show(str(played), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert shown.returncode == 0
    assert "1.10 ? 0.03 s" in shown.stdout


def test_json_is_the_outcomes_and_the_score(played: Path) -> None:
    told = json.loads(show(str(played), "--json").stdout)
    assert [o["verdict"] for o in told["outcomes"]] == ["met", "missed", "unknown", "unknown"]
    assert told["outcomes"] == [json.loads(json.dumps(o.to_json())) for o in judge_run(played)]
    assert (told["run"], told["differences"], told["score"]["counted"], told["score"]["due"]) == (played.name, [], 2, 4)


def test_a_stored_outcome_that_differs_is_told(played: Path) -> None:
    path = played / "postgres-primary-killed" / "outcome.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "verdict": "met", "rto_s": 1.0}))
    (played / "api-killed" / "outcome.json").write_text("{")
    assert tell(played).differences == (
        "api-killed: the stored outcome.json is torn: it is not whole JSON",
        (
            "postgres-primary-killed: the stored outcome.json said met, the records say missed "
            "(it differs in rto_s, verdict)"
        ),
    )
    assert "! postgres-primary-killed: the stored outcome.json said met" in printed(played, 160)


def test_records_that_came_later_are_told(played: Path) -> None:
    """The undo was recorded only after the verdict: the stored outcome is the one that is out of date."""
    path = played / "api-killed" / "injections" / "i1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "residue": ["rule"]}))
    assert "said met, the records say unknown" in tell(played).differences[0]


def test_a_run_is_found_by_folder_by_id_and_as_the_latest(played: Path) -> None:
    runs = played.parent
    run(runs / "zzz-older", started_at="2026-11-20T04:00:00+00:00")
    assert find(str(played), runs) == played
    assert find(played.name, runs) == played
    assert find(None, runs) == find("latest", runs) == played


def test_no_such_run_is_one_line_that_lists_the_newest(played: Path, tmp_path: Path) -> None:
    with pytest.raises(NoSuchRun, match=f"^no run 'nope': .*the newest are: {played.name}$"):
        find("nope", played.parent)
    with pytest.raises(NoSuchRun, match="there is no run yet"):
        find(None, tmp_path / "nowhere")
    shown = show("nope-not-a-run")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("reports: no run 'nope-not-a-run': give the folder or the id of a run")
    assert shown.stderr.count("\n") == 1


def test_a_run_without_run_json_is_told_all_the_same(played: Path) -> None:
    (played / "run.json").unlink()
    assert printed(played, 80).startswith(f"run {played.name} (run.json is missing)")
    assert find(str(played), played.parent) == played


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (None, "not measured"),
        (0, "0 s"),
        (0.0042, "4.2 ms"),
        (0.23, "230 ms"),
        (1.254, "1.25 s"),
        (10, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (900, "15 min"),
        (7200, "2 h"),
        (86400, "24 h"),
    ],
)
def test_durations(seconds: float | None, says: str) -> None:
    assert duration(seconds) == says


@pytest.mark.parametrize(
    ("seconds", "bound", "says"),
    [
        (1.2345, 0.041, "1.23 ± 0.05 s"),  # the bound is rounded up, never down
        (1.2345, 0.0201, "1.234 ± 0.021 s"),
        (0, 0.02, "0 ± 20 ms"),
        (12, 3.2, "12 ± 4 s"),
        (900, 0.03, "15.000 ± 0.001 min"),
        (None, 0.02, "not measured"),
    ],
)
def test_bounds_stand_in_the_unit_of_their_value(seconds: float | None, bound: float, says: str) -> None:
    assert with_bound(seconds, bound) == says


def test_plain_is_one_line_without_control_characters() -> None:
    assert plain("a\nb\x1b[31m\tc\u202e") == "a b [31m c"
    assert plain("x" * 99, 10) == "x" * 9 + "…"


def test_runs_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, down in (("one", (0.1, 1.1)), ("other", (0.1, 2.1))):
        run(tmp_path / name)
        Records(samples=requests(down=between(down))).lay(tmp_path / name / "api-killed")
    Records(objective=objective(drill="only-there")).lay(tmp_path / "other" / "only-there")
    assert main(["compare", str(tmp_path / "one"), str(tmp_path / "other")]) == 0
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("api-killed")]
    assert re.search(r" 1\.\d\d ± 0\.\d\d s +met +2\.\d\d ± 0\.\d\d s +missed", line), line
    assert re.search(r"only-there +not played +\S", said)
