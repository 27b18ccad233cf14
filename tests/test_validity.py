"""The judge on whether the experiment proves anything: the fault, the steady state before it, the client."""

from pathlib import Path

import pytest

from tests.rules import API, LONG, Rule, hold, of
from tests.runfolder import (
    OUTAGE,
    activity,
    between,
    chaostoolkit,
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
    "no injection": ({"injections": []}, "unknown", "no injection is on record"),
    "never confirmed": (
        {"injections": [injection(injected_at_ns=None, error="refused")]},
        "unknown",
        "the kill of api-1 was never confirmed: refused",
    ),
    "did not bite": ({"injections": [injection(bite=False)]}, "unknown", "did not bite"),
    "bite not proven": ({"injections": [injection(bite=None)]}, "unknown", "was not proven active"),
    "only prepared": ({"injections": [injection(prepares=True)]}, "unknown", "every injection on record only prepares"),
    "preparation did not bite": ({"injections": [prepared(bite=False), injection()]}, "unknown", "did not bite"),
    "preparation never confirmed": (
        {"injections": [prepared(injected_at_ns=None), injection()]},
        "unknown",
        "the delay of api-1 was never confirmed",
    ),
    "preparation hurt callers": (
        {"samples": requests(down=between((-1.2, -0.9), (0.1, 1.1))), "injections": [prepared(), injection()]},
        "unknown",
        "api was failing before the fault",
    ),
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
    "watched from within an interval of a window": (
        {"samples": requests(times=ticks(-0.5, 5), down=OUTAGE)},
        "met",
        "served again",
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
    "stopped watching": (
        {"samples": requests(times=ticks(-2, 2), down=OUTAGE)},
        "unknown",
        "the client stopped watching api 1.72 s before the drill ended",
    ),
    "stream not watched": ({"objective": objective(streams=["api", "web"])}, "unknown", "web was not watched"),
    "spared not watched": ({"objective": objective(spares=["web"])}, "unknown", "web was not watched"),
    "ledger idle before the fault": (
        {"objective": objective(streams=["api"], interval_s=0.02), "writes": writes(down=between((-1.7, 0.4)))},
        "unknown",
        "orders was failing before the fault",
    ),
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
    "bit and ended by itself": ({"injections": [injection(bite=None, bite_note="it bit")]}, "met", "served again"),
    "trouble long before": ({"samples": requests(down=between((-1.9, -1.5), (0.1, 1.1)))}, "met", "served again"),
    "lag long before": (
        {"samples": requests(down=OUTAGE, lag=lambda at: 0.9 if at < -1.9 else 0)},
        "met",
        "served again",
    ),
    "an activity without a start": (
        {"activities": [activity("it serves", started_ns=None)]},
        "met",
        "served again",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, tmp_path: Path) -> None:
    hold(RULES[name], tmp_path)


def test_a_second_fault_that_did_not_bite_does_not_excuse_a_miss(tmp_path: Path) -> None:
    second = injection(id="i2", inject_started_ns=ns(0.1), bite=False)
    assert of(tmp_path, samples=requests(down=LONG), injections=[injection(), second]).verdict == "missed"


def test_what_an_invalid_experiment_saw_is_told_and_not_counted(tmp_path: Path) -> None:
    outcome = of(tmp_path, samples=requests(down=LONG), injections=[injection(bite=False)])
    assert outcome.verdict == "unknown"
    assert outcome.why[1].startswith("seen, but it proves nothing: api came back 3.10")


def test_a_service_that_was_not_watched_after_the_fault_has_no_rto(tmp_path: Path) -> None:
    outcome = of(tmp_path, samples=requests(times=ticks(-2, 0)), objective=objective(**API))
    assert outcome.rto_s is None
    assert "the client stopped watching api 3.72 s before the drill ended" in outcome.why


def test_a_request_in_flight_when_the_fault_struck_belongs_to_it(tmp_path: Path) -> None:
    """Meant to leave 20 ms before the injection began, killed by it: neither `failing before` nor passed over."""
    samples = requests(down=between((-0.04, 1.1)))
    for row in samples:
        if row["intended_ns"] in (ns(-0.04), ns(-0.02)):
            row["done_ns"] = ns(0.01)
    outcome = of(tmp_path, samples=samples)
    assert outcome.met
    assert (outcome.phases.t1, outcome.rto_s) == (ns(-0.04), 1.1)
