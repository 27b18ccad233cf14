"""A client on another machine: its clock, bounded by questions, and its records, told in this machine's time."""

import json
import sys
import time
from pathlib import Path

import pytest

from probes import handle
from targets.pods.elsewhere import Clock, both, read
from targets.pods.relay import CLOCK
from targets.target import BadInput
from tests.outages import Service
from tests.relay_here import AHEAD_NS
from tests.test_client import LONG_S, lines, samples, spec

RELAYED = (sys.executable, "-m", "tests.relay_here")


def test_a_question_bounds_the_difference() -> None:
    clock = read(1_000, 51_040, 1_100)
    assert clock == Clock(offset_ns=-49_990, bound_ns=50)
    for spent in range(101):  # whenever it was looked at, between the question and its answer
        assert abs(1_000 + spent - (51_040 + clock.offset_ns)) <= 100
    assert both(clock, Clock(offset_ns=-49_960, bound_ns=20)) == Clock(offset_ns=-49_990, bound_ns=80)


def test_times_are_told_here_and_back() -> None:
    clock = Clock(offset_ns=-100, bound_ns=1)
    row = {"stream": "api", "intended_ns": 500, "sent_ns": None, "done_ns": 700, "seq": 100}
    assert clock.here(row) == row | {"intended_ns": 400, "done_ns": 600}
    assert clock.there(clock.here(row)) == row
    assert clock.record(f"{json.dumps(row)}\n{json.dumps(row)}\n") == f"{json.dumps(clock.here(row))}\n" * 2
    read_back = {"api-writes": {"seqs": [500], "started_ns": 500, "done_ns": 501}}
    assert json.loads(clock.record(json.dumps(read_back))) == {
        "api-writes": {"seqs": [500], "started_ns": 400, "done_ns": 401}
    }


def test_a_client_elsewhere_is_as_one_here(tmp_path: Path) -> None:
    ledger = {"name": "writes", "kind": "orders", "id": "one"}
    with Service() as service:
        asked = spec(tmp_path, service.url, ledgers=[ledger | {"url": service.url}])
        began_ns = time.monotonic_ns()
        with handle.start(asked, RELAYED) as client:
            assert client.steady(time.monotonic_ns(), LONG_S).since_ns
            with service.outage("503") as found:
                time.sleep(0.5)  # the length of the outage: truth, not a wait
            since_ns = client.steady(found[0].ended_ns, LONG_S).since_ns
            client.finish(LONG_S)
        ended_ns = time.monotonic_ns()
    clock = Clock(**json.loads((tmp_path / CLOCK).read_text()))
    assert abs(clock.offset_ns + AHEAD_NS) <= clock.bound_ns, "it is as far ahead as it was made to be"
    assert since_ns
    assert found[0].ended_ns - clock.bound_ns <= since_ns <= ended_ns
    failed = [sample for sample in samples(tmp_path) if not sample["ok"]]
    assert failed
    for sample in failed:  # exact but for the bound: each was under way during the outage
        assert sample["done_ns"] >= found[0].before_ns - clock.bound_ns
        assert sample["intended_ns"] <= found[0].ended_ns + clock.bound_ns
    acked = {write["seq"] for write in lines(tmp_path / "writes.jsonl") if write["outcome"] == "acked"}
    final = json.loads((tmp_path / "final_read.json").read_text())["writes"]
    assert acked
    assert acked <= set(final["seqs"])
    assert began_ns <= final["started_ns"] - clock.bound_ns
    assert final["done_ns"] <= ended_ns + clock.bound_ns


def test_what_is_wrong_with_its_spec_is_said_as_here(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="streams and ledgers are called"):
        handle.start(spec(tmp_path, "", streams=[]), RELAYED)


def test_figures_come_while_it_runs(tmp_path: Path) -> None:
    with Service() as service, handle.start(spec(tmp_path, service.url), RELAYED) as client:
        after_ns = time.monotonic_ns()
        assert client.steady(after_ns, LONG_S).since_ns
        ends = time.monotonic() + LONG_S
        while (figures := client.figures(after_ns, ["api"])) is None and time.monotonic() < ends:
            time.sleep(0.01)
        assert figures
        assert figures.after_ns == after_ns
        assert figures.good
