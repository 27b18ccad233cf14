"""When an injection can have hurt: only while it says so, where it says anything."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from targets import blow

STEP_S = 0.02


def asking() -> None:
    time.sleep(STEP_S)


def striking() -> None:
    with blow.dealt():
        time.sleep(STEP_S)


def test_of_one_that_says_nothing_all_of_it_may_hurt() -> None:
    before = time.monotonic_ns()
    first, last = blow.timed(asking)
    assert before <= first <= last - STEP_S * 1e9
    assert last <= time.monotonic_ns()


def test_what_goes_before_and_after_hurts_nobody() -> None:
    def inject() -> None:
        asking()
        striking()
        asking()

    before = time.monotonic_ns()
    first, last = blow.timed(inject)
    after = time.monotonic_ns()
    assert first - before >= STEP_S * 1e9
    assert last - first >= STEP_S * 1e9
    assert after - last >= STEP_S * 1e9


def test_of_several_blows_the_first_and_the_last_count() -> None:
    def inject() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: striking(), range(4)))

    first, last = blow.timed(inject)
    assert last - first >= 2 * STEP_S * 1e9, "two threads deal four of them"


def test_a_blow_that_failed_is_not_taken_for_one_of_the_next_injection() -> None:
    def fails() -> None:
        with blow.dealt():
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        blow.timed(fails)
    between = time.monotonic_ns()
    first, _ = blow.timed(asking)
    assert first >= between
