"""`also=[...]`: several components are held to the same objectives; the worst counts, and every ledger is read."""

import json
from collections.abc import Callable
from typing import Any

from drills.harness.play import Yard
from reports.outcome import Outcome


def test_the_worst_of_all_counts_and_every_ledger_is_read(drill: Callable[..., Outcome], yard: Yard) -> None:
    """PostgreSQL's callers notice nothing of the API's death; those of the API, held to the same, do."""
    # what counts is asked here, not how fast: two hundred requests a second leave a busy machine little room
    outcome = drill("api-killed", component="postgres", also=["api"], rto="30 s", rpo="0 s")
    assert outcome.met, outcome
    assert outcome.rto_s is not None
    assert outcome.rto_s > 0
    (folder,) = (path for path in yard.folder.iterdir() if path.is_dir())
    held: dict[str, Any] = json.loads((folder / "objective.json").read_text())
    assert set(held["ledgers"]) == {"postgres-writes", "api-writes"}
    assert {"postgres", "api"} <= set(held["streams"])
    read = json.loads((folder / "final_read.json").read_text())
    assert {name for name, one in read.items() if one["complete"]} == {"postgres-writes", "api-writes"}
    written = [json.loads(line) for line in (folder / "writes.jsonl").read_text().splitlines()]
    acked = {name: sum(w["outcome"] == "acked" for w in written if w["ledger"] == name) for name in read}
    assert min(acked.values()) > 0
    assert outcome.writes.acked == sum(acked.values())


def test_one_of_several_that_misses_is_a_miss(drill: Callable[..., Outcome]) -> None:
    outcome = drill("api-killed", component="postgres", also=["api"], rto="1 ms")
    assert outcome.verdict == "missed", outcome
    assert any(why.startswith("api came back") for why in outcome.why), outcome


def test_without_it_nobody_notices(drill: Callable[..., Outcome]) -> None:
    outcome = drill("api-killed", component="postgres", rto="10 s")
    assert outcome.met, outcome
    assert outcome.rto_s == 0
