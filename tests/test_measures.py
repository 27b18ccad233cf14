"""The judge: every rule has a run folder that breaks it and nothing else; the arithmetic has properties."""

import dataclasses
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.ledgers import books
from reports.measures import Outcome, judge, write_outcome
from reports.outages import outages
from reports.outcome import Counts
from reports.shapes import FinalRead, Sample, Write
from tests.runfolder import (
    OUTAGE,
    Records,
    acked,
    activity,
    between,
    chaostoolkit,
    final_read,
    injection,
    ns,
    objective,
    requests,
    session,
    ticks,
    writes,
)

API = {"streams": ["api"], "ledgers": []}
FILES = [
    "objective.json",
    "environment.json",
    "samples.jsonl",
    "writes.jsonl",
    "final_read.json",
    "activities.jsonl",
    "chaostoolkit.json",
    "session.json",
]
LONG = between((0.1, 3.1))


def of(folder: Path, **changed: object) -> Outcome:
    return judge(Records(**changed).lay(folder))


def test_a_drill_that_was_met_says_its_numbers(tmp_path: Path) -> None:
    outcome = of(tmp_path)
    assert outcome.met
    (says,) = outcome.why
    assert says == (
        "served again after 1.10 ± 0.03 s (objective 2 s), none of 300 acknowledged writes lost (objective 0 s), "
        "put back in 200 ms"
    )
    assert (outcome.rto_s, outcome.rto_objective_s, outcome.downtime_s) == (1.1, 2.0, 1.0)
    assert outcome.rto_bound_s == pytest.approx(0.02 + 0.01)  # one interval, and how long the injection took
    assert (outcome.rpo_s, outcome.undo_s, outcome.came_back, outcome.put_back) == (0, 0.2, True, True)
    assert outcome.writes == Counts(
        attempted=350, acked=300, unknown=0, lost=0, recovered=0, unexpected=0, duplicates=0
    )


def test_phases_are_the_moments_that_were_observed(tmp_path: Path) -> None:
    told = {"detected_ns": ns(0.3), "recovery_started_ns": ns(0.4), "redundant_ns": ns(2)}
    outcome = of(
        tmp_path,
        samples=requests(down=between((0.1, 0.5), (0.6, 1.1))),
        writes=writes(down=between((0.2, 0.5))),
        activities=[
            activity("early", "before", output=dict.fromkeys(told, 1)),
            activity("promote", "method", output=told),
        ],
    )
    phases = dataclasses.astuple(outcome.phases)
    assert phases == (ns(0), ns(0.1), ns(0.3), ns(0.4), ns(0.5), ns(1.1), ns(2))


# One change each to a drill that is otherwise met, the verdict it must lead to, and what the first reason must say.
RULES: dict[str, tuple[dict[str, object], str, str]] = {
    # the experiment is in doubt: unknown, whatever was seen
    "no injection": ({"injections": []}, "unknown", "no injection is on record"),
    "never confirmed": (
        {"injections": [injection(injected_at_ns=None, error="refused")]},
        "unknown",
        "the kill of api-1 was never confirmed: refused",
    ),
    "did not bite": ({"injections": [injection(bite=False)]}, "unknown", "did not bite"),
    "bite not proven": ({"injections": [injection(bite=None)]}, "unknown", "was not proven active"),
    "steady before failed": ({"chaostoolkit": chaostoolkit(before=False)}, "unknown", "not met before the fault"),
    "probe before failed": (
        {"activities": [activity("one primary", "before", tolerance_met=False, output=3)]},
        "unknown",
        "not as it should be before the fault: the probe 'one primary' saw 3",
    ),
    "failing before": (
        {"samples": requests(down=between((-0.3, -0.28), (0.1, 1.1)))},
        "unknown",
        "api was failing before the fault: 503 down",
    ),
    "not watched before": (
        {"samples": requests(times=ticks(-0.3, 5), down=OUTAGE)},
        "unknown",
        "a whole window before",
    ),
    "client lag": (
        {"samples": requests(down=OUTAGE, lag=lambda at: 0.6 if abs(at - 3) < 0.001 else 0)},
        "unknown",
        "the client lagged: a request of api left 0.60 s late",
    ),
    "lag beyond a short timeout": (
        {
            "objective": objective(timeout_s=0.1),
            "samples": requests(down=OUTAGE, lag=lambda at: 0.2 if abs(at - 3) < 0.001 else 0),
        },
        "unknown",
        "the client lagged",
    ),
    "gap": (
        {"samples": requests(times=[t for t in ticks() if not 2 < t < 2.6], down=OUTAGE)},
        "unknown",
        "the client stood still: it has no request of api",
    ),
    "write gap": (
        {"writes": writes(times=[t for t in ticks() if not 2 < t < 2.6], down=OUTAGE)},
        "unknown",
        "the client stood still: it has no request of orders",
    ),
    # an objective was seen not to be met
    "too slow": ({"samples": requests(down=LONG)}, "missed", "api came back 3.10 ± 0.03 s after the fault"),
    "too slow for writers": ({"writes": writes(down=LONG)}, "missed", "orders came back 3.10"),
    "never back": ({"samples": requests(down=between((0.1, 9)))}, "missed", "api did not come back"),
    "relapse": (
        {"samples": requests(down=between((0.1, 1.1), (2.5, 2.6)))},
        "missed",
        "api came back 2.60 ± 0.03 s after the fault",
    ),
    "lost": ({"final_read": final_read(acked(writes(down=OUTAGE))[1:])}, "missed", "1 of 300 acknowledged writes"),
    "unexpected": (
        {"final_read": final_read([*acked(writes(down=OUTAGE)), 777])},
        "missed",
        "orders holds 1 row that nobody wrote",
    ),
    "steady after failed": (
        {"chaostoolkit": chaostoolkit(after=False)},
        "missed",
        "the steady state did not come back",
    ),
    "probe after failed": (
        {"activities": [activity("two standbys", tolerance_met=False, output=1)]},
        "missed",
        "not as it should be after the recovery: the probe 'two standbys' saw 1",
    ),
    "probe during failed": (
        {"activities": [activity("reads go on", "method", tolerance_met=False, status="failed", error="refused")]},
        "missed",
        "not as it should be during the drill: the probe 'reads go on' failed: refused",
    ),
    "spared was hit": (
        {
            "objective": objective(spares=["redis"]),
            "samples": requests(down=OUTAGE) + requests("redis", down=between((1, 1.02))),
        },
        "missed",
        "redis was to be spared and failed, 20 ms: 503 down",
    ),
    "not recovered": (
        {"session": session(recovered=False, why_not="orders: 503")},
        "missed",
        "the service did not come back: orders: 503",
    ),
    # something is not known
    "too close": ({"objective": objective(rto_s=1.09)}, "unknown", "too close to call: api came back"),
    "hardly within": ({"objective": objective(rto_s=1.11)}, "unknown", "too close to call: api came back"),
    "failed right before": (
        {"samples": requests(down=between((-0.3, -0.28)))},
        "unknown",
        "api was failing before the fault",
    ),
    "second did not bite": (
        {"injections": [injection(), injection(id="i2", inject_started_ns=ns(0.1), bite=False)]},
        "unknown",
        "did not bite",
    ),
    "not put back": (
        {"injections": [injection(healed_at_ns=None, error="no answer")]},
        "unknown",
        "the kill of api-1 was not put back: no answer; run `python -m rollback stop`",
    ),
    "healed with an error": ({"injections": [injection(error="twice")]}, "unknown", "not without an error: twice"),
    "residue": ({"injections": [injection(residue=["rule r1"])]}, "unknown", "left residue: rule r1"),
    "session error": ({"session": session(error="no client")}, "unknown", "not played to its end: no client"),
    "interrupted": (
        {"injections": [], "session": session(recovered=False, error="interrupted")},
        "unknown",
        "no injection is on record",
    ),
    "interrupted while it was down": (
        {"samples": requests(down=between((0.1, 9))), "session": session(recovered=False, error="interrupted")},
        "unknown",
        "seen, but it proves nothing: api did not come back",
    ),
    "action failed": (
        {
            "activities": [
                activity("promote", "method", kind="action", status="failed", tolerance_met=None, error="no pg")
            ]
        },
        "unknown",
        "the action 'promote' failed: no pg",
    ),
    "not looked at before": ({"chaostoolkit": chaostoolkit(before=None)}, "unknown", "not looked at before"),
    "not looked at after": ({"chaostoolkit": chaostoolkit(after=None)}, "unknown", "not looked at after"),
    "stopped watching": (
        {"samples": requests(times=ticks(-2, 2), down=OUTAGE)},
        "unknown",
        "the client stopped watching api 1.72 s before the drill ended",
    ),
    "stream not watched": ({"objective": objective(streams=["api", "web"])}, "unknown", "web was not watched"),
    "spared not watched": ({"objective": objective(spares=["web"])}, "unknown", "web was not watched"),
    "not watched after the fault": (
        {"objective": objective(**API), "samples": requests(times=ticks(-2, 0))},
        "unknown",
        "RTO not measured: no request of the judged streams is on record after the fault",
    ),
    "undo brought it back": (
        {"injections": [injection(heal_started_ns=ns(1.0), healed_at_ns=ns(1.05))]},
        "unknown",
        "but only once the undo had begun",
    ),
    "not recovered, cut short": (
        {"session": session(recovered=False, why_not="503", error="no client")},
        "unknown",
        "the service did not come back: 503",
    ),
    "still down, cut short": (
        {
            "objective": objective(rto_s=60),
            "samples": requests(down=between((0.1, 9))),
            "session": session(recovered=False, error="no client"),
        },
        "unknown",
        "the drill was cut short",
    ),
    "still down, fault in force": (
        {
            "objective": objective(rto_s=60),
            "samples": requests(down=between((0.1, 9))),
            "injections": [injection(healed_at_ns=None)],
        },
        "unknown",
        "the drill was cut short",
    ),
    "still down, healed after the watch": (
        {
            "objective": objective(rto_s=60),
            "samples": requests(down=between((0.1, 9))),
            "injections": [injection(healed_at_ns=ns(5.2))],
        },
        "unknown",
        "the drill was cut short",
    ),
    "the stop that was to heal it came too late": (
        {
            "objective": objective(recovered_by="stop", streams=["api"]),
            "samples": requests(down=between((0.1, 9))),
            "injections": [injection(healed_at_ns=ns(99))],
            "chaostoolkit": chaostoolkit(after=False),
            "activities": [activity("it serves", tolerance_met=False)],
        },
        "unknown",
        "but the fault that the stop was to heal was still there",
    ),
    "never back after the stop that was to heal it": (
        {"objective": objective(recovered_by="stop"), "samples": requests(down=between((0.1, 9)))},
        "missed",
        "api did not come back",
    ),
    "unhealthy after the stop that was to heal it": (
        {
            "objective": objective(recovered_by="stop"),
            "activities": [activity("look", tolerance_met=False, ended_ns=ns(4))],
        },
        "missed",
        "not as it should be after the recovery: the probe 'look'",
    ),
    "final read incomplete": (
        {"final_read": final_read([], complete=False, error="timeout")},
        "unknown",
        "RPO not measured: the final read of orders is not complete: timeout",
    ),
    "no final read of the ledger": (
        {"final_read": {}},
        "unknown",
        "RPO not measured: there is no final read of orders",
    ),
    "ledger idle before the fault": (
        {"objective": objective(streams=["api"], interval_s=0.02), "writes": writes(down=between((-1.7, 0.4)))},
        "unknown",
        "orders was failing before the fault",
    ),
    "loss too close": (
        {
            "objective": objective(rpo_s=0.06),
            "final_read": final_read([s for s in acked(writes(down=OUTAGE)) if s not in (98, 99)]),
        },
        "unknown",
        "too close to call: 2 of 300 acknowledged writes",
    ),
    # not a reason
    "bit and ended by itself": ({"injections": [injection(bite=None, bite_note="it bit")]}, "met", "served again"),
    "stop brings it back": (
        {
            "objective": objective(recovered_by="stop"),
            "injections": [injection(heal_started_ns=ns(1.0), healed_at_ns=ns(1.05))],
        },
        "met",
        "served again",
    ),
    "nobody noticed": ({"samples": requests(), "writes": writes()}, "met", "callers did not notice"),
    "duplicates": (
        {"final_read": final_read([1, *acked(writes(down=OUTAGE))])},
        "met",
        "served again",
    ),
    "trouble long before": ({"samples": requests(down=between((-1.9, -1.5), (0.1, 1.1)))}, "met", "served again"),
    "lag long before": (
        {"samples": requests(down=OUTAGE, lag=lambda at: 0.9 if at < -1.9 else 0)},
        "met",
        "served again",
    ),
    "rollback action failed, heal did not": (
        {"activities": [activity("put back", "rollbacks", kind="action", status="failed", tolerance_met=None)]},
        "met",
        "served again",
    ),
    "an activity without a start": (
        {"activities": [activity("it serves", started_ns=None)]},
        "met",
        "served again",
    ),
    "no ledger, no RPO": (
        {"objective": objective(**API), "writes": None, "final_read": None},
        "met",
        "served again after 1.10 ± 0.03 s (objective 2 s), put back",
    ),
    "loss within the objective": (
        {
            "objective": objective(rpo_s=5),
            "final_read": final_read([s for s in acked(writes(down=OUTAGE)) if s not in (98, 99)]),
        },
        "met",
        "2 of 300 acknowledged writes lost (objective 5 s)",
    ),
}


def test_a_hypothesis_that_failed_while_the_fault_was_in_force_is_no_miss(tmp_path: Path) -> None:
    late = {"objective": objective(recovered_by="stop"), "injections": [injection(healed_at_ns=ns(99))]}
    outcome = of(tmp_path, **late, chaostoolkit=chaostoolkit(after=False))
    assert outcome.verdict == "unknown"
    assert "the steady state did not come back" in outcome.why


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, tmp_path: Path) -> None:
    changed, verdict, says = RULES[name]
    outcome = of(tmp_path, **changed)
    assert outcome.verdict == verdict, outcome
    broken_off = outcome.why[0] == "interrupted"
    assert says in outcome.why[broken_off], outcome
    assert ("interrupted" in outcome.why) == broken_off, outcome
    assert outcome.met == (verdict == "met")


def test_a_request_in_flight_when_the_fault_struck_belongs_to_it(tmp_path: Path) -> None:
    """Meant to leave 20 ms before the injection began, killed by it: neither `failing before` nor passed over."""
    samples = requests(down=between((-0.04, 1.1)))
    for row in samples:
        if row["intended_ns"] in (ns(-0.04), ns(-0.02)):
            row["done_ns"] = ns(0.01)
    outcome = of(tmp_path, samples=samples)
    assert outcome.met
    assert (outcome.phases.t1, outcome.rto_s) == (ns(-0.04), 1.1)


def test_one_failure_in_flight_is_noticed_and_no_negative_rto(tmp_path: Path) -> None:
    samples = requests(down=between((-0.04, -0.02)))
    samples[98]["done_ns"] = ns(0.01)
    outcome = of(tmp_path, samples=samples, writes=writes())
    assert outcome.met
    assert (outcome.phases.t1, outcome.rto_s, outcome.downtime_s) == (ns(-0.04), 0, 0.02)


def test_trouble_before_the_fault_is_part_of_the_outage_that_is_shown(tmp_path: Path) -> None:
    outcome = of(tmp_path, samples=requests(down=between((-0.3, 1.1))), writes=writes())
    assert (outcome.verdict, outcome.rto_s) == ("unknown", 1.1)


def test_a_service_that_was_not_watched_after_the_fault_has_no_rto(tmp_path: Path) -> None:
    outcome = of(tmp_path, samples=requests(times=ticks(-2, 0)), objective=objective(**API))
    assert outcome.rto_s is None
    assert "the client stopped watching api 3.72 s before the drill ended" in outcome.why


def test_a_second_fault_that_did_not_bite_does_not_excuse_a_miss(tmp_path: Path) -> None:
    second = injection(id="i2", inject_started_ns=ns(0.1), bite=False)
    assert of(tmp_path, samples=requests(down=LONG), injections=[injection(), second]).verdict == "missed"


@pytest.mark.parametrize(
    "changed",
    [
        {"activities": [activity("two standbys", tolerance_met=False)]},
        {"chaostoolkit": chaostoolkit(after=False)},
        {"chaostoolkit": None},
        {"session": session(recovered=False)},
        {"session": None},
        {"samples": requests(down=between((0.1, 9)))},
    ],
)
def test_came_back_means_served_and_healthy(changed: dict[str, object], tmp_path: Path) -> None:
    assert of(tmp_path, **changed).came_back is False


def test_two_misses_are_both_told_and_so_is_what_is_not_known(tmp_path: Path) -> None:
    """Residue after an outage that was too long: it stays missed."""
    outcome = of(tmp_path, samples=requests(down=LONG), injections=[injection(residue=["rule r1"])], session=None)
    assert outcome.verdict == "missed"
    assert [why.split()[0] for why in outcome.why] == ["api", "the", "session.json"]


def test_what_an_invalid_experiment_saw_is_told_and_not_counted(tmp_path: Path) -> None:
    outcome = of(tmp_path, samples=requests(down=LONG), injections=[injection(bite=False)])
    assert outcome.verdict == "unknown"
    assert outcome.why[1].startswith("seen, but it proves nothing: api came back 3.10")


def test_an_outage_longer_than_the_objective_is_missed_without_an_end(tmp_path: Path) -> None:
    """The harness was killed: what the client saw until then is enough."""
    outcome = of(tmp_path, samples=requests(down=between((0.1, 9))), session=None, chaostoolkit=None)
    assert outcome.verdict == "missed"
    assert (outcome.rto_s, outcome.rto_at_least_s, outcome.downtime_s, outcome.came_back) == (None, 5.0, None, False)


def test_without_an_outage_the_bound_is_what_could_have_been_missed(tmp_path: Path) -> None:
    late = requests(lag=lambda at: 0.1 if abs(at - 1) < 0.001 else 0)
    outcome = of(tmp_path, samples=late, writes=writes())
    assert (outcome.rto_s, outcome.downtime_s, outcome.phases.t1) == (0, 0, None)
    assert outcome.rto_bound_s == pytest.approx(0.12)


def test_a_hole_at_an_edge_widens_the_bound(tmp_path: Path) -> None:
    times = [t for t in ticks() if not 0.99 < t < 1.19]
    outcome = of(tmp_path, samples=requests(times=times, down=OUTAGE), objective=objective(**API))
    assert outcome.rto_s == 1.2
    assert outcome.rto_bound_s == pytest.approx(0.22 + 0.01)


@pytest.mark.parametrize(
    ("lost", "rpo_s"),
    [
        ([96], 0.098),  # acked 98 ms before the fault
        ([101], 0.02),  # acked after the fault: never less than an interval
        ([101, 104], 0.06),  # the span of the loss
        ([96, 104], 0.098 + 0.062),
    ],
)
def test_no_loss_looks_like_none(lost: list[int], rpo_s: float, tmp_path: Path) -> None:
    rows = writes(down=OUTAGE)
    outcome = of(tmp_path, writes=rows, final_read=final_read([s for s in acked(rows) if s not in lost]))
    assert outcome.verdict == "missed"
    assert outcome.writes.lost == len(lost)
    assert outcome.rpo_s == pytest.approx(rpo_s)


def test_an_idle_ledger_measures_no_rpo(tmp_path: Path) -> None:
    """Its writes were all refused for two seconds before the fault; the stream was fine."""
    rows = writes(down=between((-9, 0.4)))
    outcome = of(tmp_path, objective=objective(streams=["api"]), writes=rows)
    assert "RPO not measured: orders had no write confirmed right before the fault" in outcome.why
    assert outcome.rpo_s is None


def test_unanswered_writes_are_recovered_or_not_but_never_lost(tmp_path: Path) -> None:
    rows = writes(down=OUTAGE, outcome="unknown")
    silent = [row["seq"] for row in rows if row["outcome"] == "unknown"]
    outcome = of(tmp_path, writes=rows, final_read=final_read(acked(rows) + silent[:3]))
    assert outcome.met
    assert (outcome.writes.unknown, outcome.writes.recovered, outcome.writes.lost) == (50, 3, 0)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_a_reason(name: str, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    (folder / name).unlink()
    outcome = judge(folder)
    assert outcome.verdict == "unknown"
    assert f"{name} is missing" in outcome.why


@pytest.mark.parametrize("name", [*FILES, "injections/i1.json"])
@pytest.mark.parametrize("text", [b"", b"{", b"[1]\n", b"\xff\x00", b'{"rto_s": NaN}\n', b"[" * 10_000])
def test_a_mangled_file_is_a_reason_and_never_a_traceback(name: str, text: bytes, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    (folder / name).write_bytes(text)
    assert judge(folder).verdict == "unknown"


@pytest.mark.parametrize("name", ["samples.jsonl", "writes.jsonl", "activities.jsonl"])
def test_a_mangled_line_in_the_middle_is_a_reason_and_the_others_count(name: str, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    (folder / name).write_bytes(b"".join([*lines[:-1], b'{"str\n', lines[-1]]))
    outcome = judge(folder)
    assert outcome.verdict == "unknown"
    assert f"{name}, line {len(lines)} is mangled: it is not JSON" in outcome.why
    assert ("RPO not measured: writes.jsonl is not whole" in outcome.why) == (name == "writes.jsonl")
    assert (outcome.rpo_s is None) == (name == "writes.jsonl")
    assert outcome.rto_s == 1.1


@pytest.mark.parametrize("name", ["samples.jsonl", "writes.jsonl", "activities.jsonl"])
def test_a_torn_last_line_is_dropped_and_keeps_it_from_being_met(name: str, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    with (folder / name).open("a") as file:
        file.write('{"stream": "ap')
    outcome = judge(folder)
    assert outcome.verdict == "unknown"
    assert outcome.why[-1] == f"{name} was cut off in its last line"
    assert outcome.rto_s == 1.1


def test_with_torn_writes_a_foreign_row_proves_nothing_and_a_loss_does(tmp_path: Path) -> None:
    for extra, missing, verdict in (([777], [], "unknown"), ([], [90], "missed")):
        seqs = [s for s in acked(writes(down=OUTAGE)) if s not in missing]
        folder = Records(final_read=final_read([*seqs, *extra])).lay(tmp_path / verdict)
        with (folder / "writes.jsonl").open("a") as file:
            file.write('{"ledger": "or')
        assert judge(folder).verdict == verdict


def test_a_miss_that_was_seen_stays_one_when_a_record_is_torn(tmp_path: Path) -> None:
    folder = Records(samples=requests(down=LONG)).lay(tmp_path)
    (folder / "session.json").write_text("{")
    assert judge(folder).verdict == "missed"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"rto_s": "fast"}, "objective.json: rto_s is 'fast', it must be a number"),
        ({"rto_s": True}, "objective.json: rto_s is True, it must be a number"),
        ({"severity": "p9"}, "objective.json: severity is 'p9', it must be one of p0, p1, p2, p3"),
        ({"interval_s": 0}, "objective.json: interval_s is 0.0, it must be at least 1e-06"),
        ({"streams": []}, "objective.json: streams is empty, there is nothing to judge the RTO on"),
        ({"streams": "api"}, "objective.json: streams is 'api', it must be a list"),
    ],
)
def test_an_objective_that_cannot_be_is_a_reason(changed: dict[str, object], says: str, tmp_path: Path) -> None:
    outcome = of(tmp_path, objective=objective(**changed))
    assert (outcome.verdict, outcome.why[0]) == ("unknown", says)


def test_a_missing_key_is_a_reason(tmp_path: Path) -> None:
    rows = requests(down=OUTAGE)
    del rows[7]["ok"]
    assert of(tmp_path, samples=rows).why == ("samples.jsonl, line 8: ok is missing",)


def test_judging_is_pure_and_the_outcome_survives_json(tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    outcome = judge(folder)
    assert outcome == judge(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    write_outcome(outcome, folder)
    stored = json.loads((folder / "outcome.json").read_text())
    assert stored == json.loads(json.dumps(outcome.to_json()))
    assert (stored["verdict"], stored["rto_s"], stored["phases"]["t5"]) == ("met", 1.1, ns(1.1))


def test_a_hundred_thousand_rows_cost_what_their_number_says(tmp_path: Path) -> None:
    """Ten times the rows, and an outage in every second of them, take about ten times as long: nothing is quadratic."""

    def took(count: int) -> float:
        times = list(ticks(-1, -1 + count * 0.02))
        down: Callable[[float], bool] = lambda at: at % 1 > 0.45  # noqa: E731
        folder = Records(
            objective=objective(**API), samples=requests(times=times, down=down), final_read=None, writes=None
        ).lay(tmp_path / str(count))
        begin = time.process_time()
        judge(folder)
        return time.process_time() - begin

    took(1000)
    assert took(100_000) < 40 * took(10_000)


# the arithmetic

STEP, WINDOW = 10, 50


def stream(oks: list[bool], lags: list[int] | None = None) -> list[Sample]:
    late = lags or [0] * len(oks)
    return [
        Sample(stream="s", intended_ns=at * STEP, sent_ns=at * STEP + lag, done_ns=at * STEP + lag + 1, ok=ok)
        for at, (ok, lag) in enumerate(zip(oks, late, strict=True))
    ]


def found(samples: list[Sample]) -> list[tuple[int, int | None]]:
    return [(o.start_ns, o.end_ns) for o in outages(samples, interval_ns=STEP, window_ns=WINDOW)]


def in_outage(oks: list[bool]) -> list[bool]:
    """Say the rule again, slowly: a success is clean when it stands in a run of at least a window, or in the first."""
    runs: list[list[int]] = []
    for at, ok in enumerate(oks):
        if ok and runs and at and oks[at - 1]:
            runs[-1].append(at)
        elif ok:
            runs.append([at])
    clean = {at for run in runs if len(run) * STEP >= WINDOW or run[0] == 0 for at in run}
    return [at not in clean for at in range(len(oks))]


OKS = st.lists(st.sampled_from([True, True, True, True, True, False]), min_size=1, max_size=80)


@given(OKS)
def test_outages_and_clean_time_are_the_whole_time(oks: list[bool]) -> None:
    horizon, down = len(oks) * STEP, found(stream(oks))
    edges = [edge for begin, end in down for edge in (begin, horizon if end is None else end)]
    assert edges == sorted(edges)
    assert sum(b - a for a, b in zip(edges[::2], edges[1::2], strict=True)) == STEP * sum(in_outage(oks))
    covered = [any(a <= at * STEP < (horizon if b is None else b) for a, b in down) for at in range(len(oks))]
    assert covered == in_outage(oks)


@given(OKS, st.randoms(use_true_random=False))
def test_the_order_of_completion_does_not_matter(oks: list[bool], chance: random.Random) -> None:
    samples = stream(oks)
    mixed = list(samples)
    chance.shuffle(mixed)
    assert outages(mixed, interval_ns=STEP, window_ns=WINDOW) == outages(samples, interval_ns=STEP, window_ns=WINDOW)


@given(OKS, st.data())
def test_more_failures_never_shorten_anything(oks: list[bool], data: st.DataObject) -> None:
    worse = list(oks)
    worse[data.draw(st.integers(0, len(oks) - 1))] = False
    horizon = len(oks) * STEP + 1

    def back(states: list[bool]) -> int:
        down = found(stream(states))
        return 0 if not down else horizon if down[-1][1] is None else down[-1][1]

    assert back(worse) >= back(oks)
    assert sum(in_outage(worse)) >= sum(in_outage(oks))


@given(
    begin=st.integers(100, 400),
    lasts=st.integers(0, 400),
    lags=st.lists(st.integers(0, 40), min_size=100, max_size=100),
)
def test_the_meter_is_as_good_as_its_bound(begin: int, lasts: int, lags: list[int]) -> None:
    """A service that is truly away for [begin, begin + lasts), watched by a client that is late but keeps its order."""
    sent = list(stream([True] * 100, lags))
    for at in range(1, 100):
        late = max(sent[at].sent_ns, sent[at - 1].sent_ns)
        sent[at] = dataclasses.replace(sent[at], sent_ns=late, done_ns=late + 1)
    seen = [dataclasses.replace(s, ok=not begin <= s.sent_ns < begin + lasts) for s in sent]
    down = outages(seen, interval_ns=STEP, window_ns=WINDOW)
    if not down:
        assert lasts <= STEP + max(s.lag_ns for s in sent)
        return
    assert down[0].end_ns is not None
    assert abs((down[0].end_ns - down[0].start_ns) - lasts) <= down[0].bound_ns
    assert abs(down[0].end_ns - (begin + lasts)) <= down[0].bound_ns


OUTCOMES = st.lists(st.sampled_from(["acked", "failed", "unknown"]), max_size=40)


@given(OUTCOMES, st.lists(st.integers(1, 60), max_size=60))
def test_the_books_are_a_partition(outcomes: list[str], read: list[int]) -> None:
    rows = [
        Write(ledger="l", seq=seq, intended_ns=seq, sent_ns=seq, done_ns=seq, outcome=outcome)  # type: ignore[arg-type]
        for seq, outcome in enumerate(outcomes, 1)
    ]
    closed = books(rows, FinalRead(complete=True, seqs=tuple(read)))
    assert closed.lost is not None
    assert closed.recovered is not None
    assert closed.unexpected is not None
    kept = {w.seq for w in rows if w.outcome == "acked"} - closed.lost
    parts = [kept, closed.recovered, closed.unexpected]
    assert set(read) == set().union(*parts)
    assert len(set(read)) == sum(map(len, parts))  # disjoint
    assert len(read) == sum(map(len, parts)) + (closed.duplicates or 0)
    assert not closed.lost & set(read)
    assert closed.acked + closed.unknown + outcomes.count("failed") == closed.attempted


def test_an_incomplete_read_says_nothing() -> None:
    closed = books([], FinalRead(complete=False, seqs=(1,)))
    assert (closed.lost, closed.recovered, closed.unexpected, closed.duplicates) == (None, None, None, None)
