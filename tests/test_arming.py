"""What may be hurt is decided by the permit alone, and every refusal names its cure."""

from datetime import UTC, datetime, time
from typing import Any

import pytest

from rollback.arming import Permit, Window, refusals

SATURDAY_NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def reasons(permit: Permit, **changes: Any) -> list[str]:
    asked: dict[str, Any] = {
        "target": "kubernetes:staging",
        "disposable": True,
        "components": ["api"],
        "planned": {"victims": ["api-1", "api-2"]},
        "nodes": {"api": ["api-1", "api-2", "api-3"]},
        "namespaces": (),
        "severity": "p0",
        "now": SATURDAY_NOON,
    }
    return refusals(permit, **(asked | changes))


def test_a_disposable_target_needs_no_arming() -> None:
    assert reasons(Permit()) == []


def test_any_other_target_is_armed_by_its_full_name_only() -> None:
    assert "--arm staging" in reasons(Permit(armed=frozenset({"stag"})), disposable=False)[0]
    assert reasons(Permit(armed=frozenset({"staging"})), disposable=False) == []


def test_components_outside_the_allow_list_are_refused() -> None:
    assert "postgres" in reasons(Permit(components=frozenset({"api"})), components=["api", "postgres"])[0]
    assert reasons(Permit(components=frozenset({"api"}))) == []


def test_an_empty_allow_list_allows_nothing() -> None:
    assert reasons(Permit(components=frozenset())) != []


def test_the_blast_radius_counts_victims() -> None:
    assert "hurt 2 nodes (api-1, api-2)" in reasons(Permit(max_victims=1))[0]
    assert reasons(Permit(max_victims=2)) == []


def test_the_blast_radius_knows_the_share_of_each_component() -> None:
    (said,) = reasons(Permit(max_percent=50))
    assert said == "it would hurt 67 % of api's nodes, [safety] max_percent allows 50"
    assert reasons(Permit(max_percent=67)) == []
    assert reasons(Permit(max_percent=0), nodes={"api": [], "redis": ["redis-1"]}) == []


def test_the_blast_radius_counts_hosts_where_a_plan_names_some() -> None:
    planned = {"victims": ["api-1"], "hosts": {"worker-2": ["api-1"], "worker-1": []}}
    (said,) = reasons(Permit(max_hosts=1), planned=planned)
    assert said == "it would hurt 2 hosts (worker-1, worker-2), [safety] max_hosts allows 1"
    assert reasons(Permit(max_hosts=2), planned=planned) == []
    assert reasons(Permit(max_hosts=0)) == []


def test_a_namespace_that_is_not_listed_is_out_of_bounds() -> None:
    assert reasons(Permit(), namespaces={"shop"}) == []
    assert reasons(Permit(namespaces=frozenset({"shop"})), namespaces={"shop"}) == []
    assert "does not list pay" in reasons(Permit(namespaces=frozenset({"shop"})), namespaces={"shop", "pay"})[0]


def test_the_clusters_own_namespaces_are_armed_by_name() -> None:
    assert "--arm kube-system" in reasons(Permit(), namespaces={"kube-system"})[0]
    assert reasons(Permit(armed=frozenset({"kube-system"})), namespaces={"kube-system"}) == []


@pytest.mark.parametrize(
    ("window", "allowed"),
    [
        (Window(days=("sat",)), True),
        (Window(days=("mon", "fri")), False),
        (Window(start=time(9), end=time(17)), True),
        (Window(start=time(13), end=time(17)), False),
        (Window(start=time(22), end=time(13)), True),
        (Window(start=time(22), end=time(6)), False),
    ],
)
def test_the_window_is_in_utc_and_may_span_midnight(window: Window, *, allowed: bool) -> None:
    assert (reasons(Permit(window=window)) == []) is allowed


def test_approvals_are_counted_by_severity() -> None:
    asks = {"p0": 2}
    assert "2 approval(s), 1 given" in reasons(Permit(approvals=asks, approved_by=frozenset({"ada"})))[0]
    assert reasons(Permit(approvals=asks, approved_by=frozenset({"ada", "bob"}))) == []
    assert reasons(Permit(approvals=asks), severity="p3") == []


def test_every_reason_is_said_at_once() -> None:
    assert len(reasons(Permit(max_victims=0, components=frozenset()), disposable=False)) == 3
