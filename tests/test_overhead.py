"""The harness's own cost of a drill, from its records; and what it is on the lab."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from drills.harness.play import Yard
from reports import overhead
from reports.outcome import Outcome
from tests.runfolder import Records, activity, injection, ns

STAMPS = {
    "called": -3.0,
    "client_asked": -2.9,
    "client_started": -2.7,
    "steady_before": -2.1,
    "recovered": 2.0,
    "stop_ended": 3.7,
    "steady_after": 4.25,
    "finished": 4.3,
    "judged": 4.32,
}
EXPECTED = {
    "planning": 0.1,
    "client start": 0.2,
    "waiting before": 0.1,  # of 0.6 s, the window is 0.5 s
    "looking before": 2.09,
    "looking after": 1.0,
    "putting back": 0.7,
    "waiting after": 0.05,
    "final read": 0.05,
    "judging": 0.02,
}


def laid(folder: Path, without: str = "") -> overhead.Overhead:
    undo = activity("put everything back", "rollbacks", kind="action")
    blow = activity("kill it", "method", kind="action", started_ns=ns(-0.01))
    Records(activities=[activity("it serves", "before"), blow, undo], injections=[injection()]).lay(folder)
    stamps = {f"{name}_ns": ns(at) for name, at in STAMPS.items() if name != without}
    (folder / "stamps.json").write_text(json.dumps(stamps))
    return overhead.of_drill(folder)


def test_every_part_is_told_and_they_add_up_to_the_whole(tmp_path: Path) -> None:
    cost = laid(tmp_path)
    assert cost.complete
    assert cost.parts == pytest.approx(EXPECTED)
    assert cost.windows_s == 1.0
    assert cost.drilled_s == pytest.approx(2.01)
    assert cost.whole_s == pytest.approx(cost.total_s + cost.windows_s + 2.01)


def test_what_was_not_stamped_is_left_out(tmp_path: Path) -> None:
    cost = laid(tmp_path, without="steady_after")
    assert not cost.complete
    assert set(EXPECTED) - set(cost.parts) == {"waiting after", "final read"}


@pytest.mark.parametrize("text", ["", "[]", '{"called_ns": "soon"}'])
def test_without_stamps_nothing_is_known(tmp_path: Path, text: str) -> None:
    Records().lay(tmp_path)
    (tmp_path / "stamps.json").write_text(text)
    cost = overhead.of_drill(tmp_path)
    assert (cost.whole_s, cost.parts) == (None, {})


def test_a_real_drill_costs_little(drill: Callable[..., Outcome], yard: Yard) -> None:
    """Within a second on an idle machine; here only that it is all accounted for, and no wait is built in."""
    assert drill("api-killed", component="api").put_back
    ((_, cost),) = overhead.of_run(yard.folder).items()
    assert cost.complete
    assert cost.whole_s == pytest.approx(cost.total_s + cost.windows_s + (cost.drilled_s or 0), abs=0.001)
    assert cost.total_s < 10
