"""The judge on RTO: when callers were served again, by whom, and how sure that is."""

from pathlib import Path

import pytest

from tests.rules import API, LONG, Rule, hold, of
from tests.runfolder import (
    OUTAGE,
    Down,
    acked,
    activity,
    between,
    chaostoolkit,
    final_read,
    injection,
    ns,
    objective,
    prepared,
    requests,
    session,
    ticks,
    writes,
)

# One change each to a drill that is otherwise met, the verdict it must lead to, and what the first reason says.
RULES: dict[str, Rule] = {
    "too slow": ({"samples": requests(down=LONG)}, "missed", "api came back 3.10 ± 0.03 s after the fault"),
    "too slow for writers": ({"writes": writes(down=LONG)}, "missed", "orders came back 3.10"),
    "never back": ({"samples": requests(down=between((0.1, 9)))}, "missed", "api did not come back"),
    "relapse": (
        {"samples": requests(down=between((0.1, 1.1), (2.5, 2.6)))},
        "missed",
        "api came back 2.60 ± 0.03 s after the fault",
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
    "too close": ({"objective": objective(rto_s=1.09)}, "unknown", "too close to call: api came back"),
    "hardly within": ({"objective": objective(rto_s=1.11)}, "unknown", "too close to call: api came back"),
    "not looked at after": ({"chaostoolkit": chaostoolkit(after=None)}, "unknown", "not looked at after"),
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
    "undo brought it down": (  # the first request that failed was on its way when the undo began
        {"injections": [injection(heal_started_ns=ns(0.101), healed_at_ns=ns(0.2))]},
        "met",
        "served again after 1.10",
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
    "stop brings it back": (
        {
            "objective": objective(recovered_by="stop"),
            "injections": [injection(heal_started_ns=ns(1.0), healed_at_ns=ns(1.05))],
        },
        "met",
        "served again",
    ),
    "prepared": ({"injections": [prepared(), injection()]}, "met", "served again after 1.10 ± 0.03 s"),
    "nobody noticed": ({"samples": requests(), "writes": writes()}, "met", "callers did not notice"),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, tmp_path: Path) -> None:
    hold(RULES[name], tmp_path)


def test_everything_is_measured_from_the_blow_and_not_from_its_preparation(tmp_path: Path) -> None:
    kept = [seq for seq in acked(writes(down=OUTAGE)) if seq not in (98, 99)]
    changed: dict[str, object] = {"final_read": final_read(kept), "objective": objective(rpo_s=1)}
    alone = of(tmp_path / "alone", **changed)
    staged = of(tmp_path / "staged", **changed, injections=[prepared(), injection()])
    assert (staged.rto_s, staged.rpo_s, staged.phases) == (alone.rto_s, alone.rpo_s, alone.phases)
    assert staged.rpo_bound_s == alone.rpo_bound_s
    assert staged.undo_s == pytest.approx(0.21)  # it is put back like any other


def test_what_is_not_known_of_another_machines_clock_joins_the_bound(tmp_path: Path) -> None:
    here = of(tmp_path / "here")
    there = of(tmp_path / "there", clock={"offset_ns": -5, "bound_ns": 7_000_000})
    assert here.rto_bound_s is not None
    assert there.rto_s == here.rto_s
    assert there.rto_bound_s == pytest.approx(here.rto_bound_s + 0.007)
    assert "watched from beside the services, by a clock known to within 7.0 ms" in there.why
    assert of(tmp_path / "torn", clock={"offset_ns": "soon"}).verdict == "unknown"


@pytest.mark.parametrize(
    ("down", "rto_s", "says"),
    [
        (between((0.1, 1.6)), 1.6, "from outside: api came back 1.60 ± 0.03 s after the fault"),
        (between(), 0.0, "from outside: callers of api did not notice"),
        (between((0.1, 9)), None, "from outside: api did not come back"),
    ],
)
def test_what_a_second_client_saw_is_told_and_not_judged(
    down: Down, rto_s: float | None, says: str, tmp_path: Path
) -> None:
    outcome = of(tmp_path, outside=requests(down=down))
    assert outcome.verdict == "met", outcome
    assert outcome.rto_s == pytest.approx(1.1, abs=0.001)
    assert outcome.outside_rto_s == (None if rto_s is None else pytest.approx(rto_s, abs=0.001))
    assert says in outcome.why


def test_a_hypothesis_that_failed_while_the_fault_was_in_force_is_no_miss(tmp_path: Path) -> None:
    late = {"objective": objective(recovered_by="stop"), "injections": [injection(healed_at_ns=ns(99))]}
    outcome = of(tmp_path, **late, chaostoolkit=chaostoolkit(after=False))
    assert outcome.verdict == "unknown"
    assert "the steady state did not come back" in outcome.why


def test_what_the_method_looks_at_is_to_hold_while_the_fault_is_in_force(tmp_path: Path) -> None:
    late = {"objective": objective(recovered_by="stop"), "injections": [injection(healed_at_ns=ns(99))]}
    outcome = of(tmp_path, **late, activities=[activity("refused clearly", "method", tolerance_met=False, output=200)])
    assert outcome.verdict == "missed"
    assert "not as it should be during the drill: the probe 'refused clearly' saw 200" in outcome.why


def test_one_failure_in_flight_is_noticed_and_no_negative_rto(tmp_path: Path) -> None:
    samples = requests(down=between((-0.04, -0.02)))
    samples[98]["done_ns"] = ns(0.01)
    outcome = of(tmp_path, samples=samples, writes=writes())
    assert outcome.met
    assert (outcome.phases.t1, outcome.rto_s, outcome.downtime_s) == (ns(-0.04), 0, 0.02)


def test_trouble_before_the_fault_is_part_of_the_outage_that_is_shown(tmp_path: Path) -> None:
    outcome = of(tmp_path, samples=requests(down=between((-0.3, 1.1))), writes=writes())
    assert (outcome.verdict, outcome.rto_s) == ("unknown", 1.1)


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


def test_what_an_injection_does_before_it_can_hurt_is_no_doubt(tmp_path: Path) -> None:
    """Asking who is there takes time, too, and an outage that is over by then is another's."""
    slow = injection(inject_started_ns=ns(-1), hurts_from_ns=ns(-0.005))
    outcome = of(tmp_path, injections=[slow], objective=objective(**API))
    assert outcome.rto_bound_s == pytest.approx(0.02 + 0.005)
    assert of(tmp_path, injections=[injection(inject_started_ns=ns(-1))]).rto_bound_s == pytest.approx(0.02 + 1)


def test_a_hole_at_an_edge_widens_the_bound(tmp_path: Path) -> None:
    times = [t for t in ticks() if not 0.99 < t < 1.19]
    outcome = of(tmp_path, samples=requests(times=times, down=OUTAGE), objective=objective(**API))
    assert outcome.rto_s == 1.2
    assert outcome.rto_bound_s == pytest.approx(0.22 + 0.01)
