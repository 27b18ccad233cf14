"""The arithmetic of the clean window, on made-up ticks."""

from typing import Any

import pytest

from probes.streak import Streak, steady_since, why_not


def streak(**changes: Any) -> Streak:
    return Streak(**{"name": "api", "start_ns": 1000, "interval_ns": 10, "next_ns": 1200, **changes})


@pytest.mark.parametrize(
    ("changes", "after_ns", "since_ns"),
    [
        ({}, 0, 1000),
        ({}, 1094, 1100),  # the first tick at or after
        ({}, 1101, None),  # only 90 of the window's 100 have passed
        ({"bad_ns": 1050}, 0, 1060),
        ({"bad_ns": 1150}, 0, None),
        ({"flying": {1: 1090}}, 0, None),  # an answer inside the window is missing
        ({"flying": {1: 1100}}, 0, 1000),
        ({"flying": {1: 1010}, "bad_ns": 1050}, 0, 1060),  # before the window: of no concern
    ],
)
def test_the_clean_window(changes: dict[str, Any], after_ns: int, since_ns: int | None) -> None:
    assert steady_since([streak(**changes)], after_ns=after_ns, window_ns=100) == since_ns


def test_a_window_is_shared_by_all_sources() -> None:
    both = [streak(bad_ns=1090), streak(name="orders", start_ns=1005, next_ns=1195, bad_ns=1005)]
    assert steady_since(both, after_ns=0, window_ns=90) == 1100
    assert steady_since(both, after_ns=0, window_ns=100) is None


def test_why_not_names_a_silent_source() -> None:
    silent = streak(name="orders", flying={1: 1000})
    assert why_not([streak(), silent], after_ns=0, now_ns=1000 + 10**9) == "orders: no answer yet for 1.00 s"
