"""The benchmarks: what they hold for true, that they can fall short, and that they say so."""

import io
import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks import meter
from benchmarks.__main__ import summaries
from benchmarks.kit import loss_trials, outage_trials, scripts
from benchmarks.kit.bigdrill import LOST, lay
from benchmarks.kit.match import match
from benchmarks.kit.outage_trials import Lane
from benchmarks.kit.result import Figure, Result
from benchmarks.kit.scripts import CONTROL, KINDS, Truth
from benchmarks.kit.stats import exponent, percentile
from benchmarks.kit.watchers import seen
from reports import calibration, measures, record
from reports.ledgers import books as real_books
from reports.outages import Outage
from reports.terminal import summary
from tests.runfolder import Records, run

ROOT = Path(__file__).parent.parent
MS = 1_000_000
FOUND = {"interval_s": 0.02, "outages": 300, "missed": 0, "error_p99_ms": 18.94, "trials": 100, "exact": 99}


def benchmark(*argv: str, state: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *argv],
        cwd=ROOT, env={**os.environ, **({"DRILLYARD_STATE": str(state)} if state else {})},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def outage(start: int, end: int | None) -> Outage:
    return Outage(
        stream="s", start_ns=start, end_ns=end, bound_ns=20 * MS, failures=1, first_done_ns=start,
        first_success_ns=end, error="no",
    )  # fmt: skip


def test_every_benchmark_is_listed_with_what_it_measures() -> None:
    ran = benchmark("--help")
    assert ran.returncode == 0
    assert set(summaries()) == {"judge", "kill", "lab", "meter", "peers", "reaper", "sampler", "stop", "suite"}
    assert all(f"{name:<9} {says}" in ran.stdout for name, says in summaries().items())


def test_an_unknown_name_is_one_line() -> None:
    ran = benchmark("nope")
    assert (ran.returncode, ran.stdout) == (2, "")
    known = "judge, kill, lab, meter, peers, reaper, sampler, stop, suite"
    assert ran.stderr == f"benchmarks: there is no 'nope'; give one of {known}\n"


@pytest.mark.parametrize(
    ("value", "sense", "ok"),
    [(5.0, "at most", True), (5.1, "at most", False), (5.0, "at least", True), (4.9, "at least", False)],
)
def test_a_goal_is_kept_or_not(value: float, sense: Any, ok: bool) -> None:
    figure = Figure(name="f", value=value, goal=5.0, sense=sense)
    assert figure.ok == ok
    assert Result(parameters={}, figures=[figure]).ok == ok
    assert ("SHORT" in figure.told()[2]) != ok


def test_what_was_not_measured_keeps_no_goal() -> None:
    assert not Figure(name="f", value=None, goal=5.0).ok
    assert Figure(name="f", value=None).ok


def test_a_script_is_its_seeds() -> None:
    def made(seed: int) -> list[scripts.Episode]:
        return scripts.script(random.Random(seed), outages=90, timeout_s=1.0, window_s=0.5)

    assert made(1) == made(1) != made(2)
    kinds = [one.kind for one in made(1)]
    assert {kind: kinds.count(kind) for kind in KINDS} == dict.fromkeys(KINDS, 10)
    assert kinds.count(CONTROL) == 9
    assert all(0.7 <= one.calm_s <= 1.3 for one in made(1))


def test_flapping_is_down_at_both_ends_and_never_up_for_a_window() -> None:
    for seed in range(50):
        phases = scripts._flapping(random.Random(seed), 3.0)
        down, up = phases[::2], phases[1::2]
        assert len(phases) % 2
        assert all(mode == "up" and seconds < 0.4 for mode, seconds in up)
        assert all(mode != "up" and seconds >= 0.04 for mode, seconds in down)


@pytest.mark.parametrize(
    ("kind", "true"),
    [
        ("refused", (100, 2_600_000_000)),
        ("flapping", (100, 2_600_000_000)),
        ("frozen", (100, 1_600_000_000)),  # whoever came in its last second was served in time
        (CONTROL, None),
    ],
)
def test_what_is_true(kind: str, true: tuple[int, int] | None) -> None:
    found = scripts.truth(kind, [0, 100, 2_600_000_000], 1.0)
    assert (found and (found.start_ns, found.end_ns)) == true
    assert scripts.truth("frozen", [0, 100, 900_000_000], 1.0) is None


def test_matching_tells_errors_misses_pieces_and_inventions() -> None:
    truths = [Truth(kind="reset", start_ns=at * 1000 * MS, end_ns=(at * 1000 + 300) * MS) for at in range(1, 5)]
    found = match(
        truths,
        [
            outage(1010 * MS, 1305 * MS),
            outage(2000 * MS, 2100 * MS),
            outage(2200 * MS, 2310 * MS),
            outage(3500 * MS, 3510 * MS),
            outage(4025 * MS, 4331 * MS),
        ],
        near_ns=40 * MS,
    )
    first, second, third, fourth = found.pairs
    assert (first.start_error_ns, first.end_error_ns, first.error_ns) == (10 * MS, 5 * MS, -5 * MS)
    assert (len(second.seen), third.seen, len(found.false)) == (2, (), 1)
    assert first.within_bound
    assert fourth.within_bound
    figures = {f.name: f for f in meter._outage_figures([Lane(matched=found, lags_ns=(0,), late_ns=(0,))])}
    assert not any(
        figures[name].ok
        for name in (
            "|error| p99 of t1",
            "|error| p99 of t5",
            "outages of two intervals or more that were missed",
            "outages reported that were none",
            "outages reported in pieces",
        )
    )


def test_losses_that_are_told_wrongly_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    (good,) = loss_trials.play(seed=3, count=1, lanes=1, on_progress=lambda _: None)
    assert good.writes_exact, good.told
    assert good.rpo_exact
    assert good.rpo_bounded
    assert good.lost
    real = loss_trials._rpo
    monkeypatch.setattr(loss_trials, "_rpo", lambda acked, fault: real(acked, fault) + 100 * MS)
    monkeypatch.setattr("reports.data.books", lambda writes, read: real_books(writes[1:], read))
    (wrong,) = loss_trials.play(seed=3, count=1, lanes=1, on_progress=lambda _: None)
    assert not wrong.writes_exact
    assert not wrong.rpo_exact
    assert not wrong.rpo_bounded
    assert not all(figure.ok for figure in meter._loss_figures([wrong]))


def test_outages_are_seen_as_they_were() -> None:
    lanes = outage_trials.play(seed=2, count=4, lanes=2, on_progress=lambda _: None)
    pairs = [pair for lane in lanes for pair in lane.matched.pairs]
    assert len(pairs) == 4
    assert all(len(pair.seen) == 1 for pair in pairs)
    assert all(not lane.matched.false for lane in lanes)


def test_a_watchers_looks_become_outages() -> None:
    looks = list(zip(itertools.count(0, 1000), [True, False, False, True, False, True], strict=False))
    assert [(one.start_ns, one.end_ns) for one in seen(looks)] == [(1000, 3000), (4000, 5000)]


def test_the_big_drill_is_judged_as_it_was_laid(tmp_path: Path) -> None:
    lay(tmp_path, 3000)
    outcome = measures.judge(tmp_path)
    assert (outcome.writes.attempted, outcome.writes.lost, outcome.writes.unexpected) == (3000, LOST, 0)
    assert outcome.rto_s == pytest.approx(60 * 0.02 + 0.01)


def test_statistics() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([], 0.5) is None
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert exponent([1, 10, 100], [2, 20, 200]) == pytest.approx(1)
    assert exponent([1, 10, 100], [2, 200, 20000]) == pytest.approx(2)


def test_a_calibration_is_this_machines_and_no_others(tmp_path: Path) -> None:
    assert calibration.read(tmp_path) is None
    found = calibration.now(**FOUND)  # type: ignore[arg-type]
    calibration.write(tmp_path, found)
    assert calibration.told(calibration.read(tmp_path)).startswith("meter calibrated on this machine 2")
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "machine": "another"}))
    assert calibration.read(tmp_path) is None
    path.write_text("{")
    assert calibration.read(tmp_path) is None


@pytest.mark.parametrize("width", [80, 160])
def test_every_report_carries_the_calibration(tmp_path: Path, width: int) -> None:
    def printed(folder: Path) -> str:
        page = io.StringIO()
        summary(folder, Console(file=page, width=width))
        return " ".join(page.getvalue().split())

    without = run(tmp_path / "without")
    Records().lay(without / "api-killed")
    assert calibration.MISSING in printed(without)
    calibration.write(tmp_path, calibration.now(**FOUND))  # type: ignore[arg-type]
    record.begin(tmp_path / "with", target="local", system="lab", calibration=calibration.read(tmp_path))
    Records().lay(tmp_path / "with" / "api-killed")
    assert "|error| p99 18.9 ms over 300 outages, losses exact 99 of 100" in printed(tmp_path / "with")


def test_a_small_meter_run_is_told_in_json_and_calibrates_nothing(tmp_path: Path) -> None:
    ran = benchmark("meter", "--outages", "3", "--trials", "2", "--side-by-side", "3", "--json", state=tmp_path)
    told = json.loads(ran.stdout)
    assert ran.returncode == (0 if told["ok"] else 1), ran.stderr
    assert {"cores", "memory_gib", "kernel", "python", "load_average", "real_time_priority"} <= set(told["conditions"])
    assert told["parameters"]["seed"] == 1
    assert all({"name", "value", "unit", "goal", "ok"} == set(figure) for figure in told["figures"])
    assert not (tmp_path / "calibration.json").exists()


def test_a_benchmark_that_falls_short_exits_with_1() -> None:
    ran = benchmark("judge", "--rows", "1000", "100000", "--times", "1")
    assert ran.returncode == ("falls short" in ran.stdout)
    assert "at most 5 s" in ran.stdout
