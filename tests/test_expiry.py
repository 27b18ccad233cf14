"""What says when it has to be over is due then, and not before; what says nothing never is, but for a stop of all."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from targets.pods.expiry import EXPIRES, is_due, later, said

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(seconds=1)


def test_it_is_due_from_the_second_that_it_says() -> None:
    assert not is_due(said_at(LATER), NOON)
    assert is_due(said_at(LATER), LATER)


def test_it_means_the_same_moment_wherever_it_was_said() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5)))
    assert said(elsewhere) == {EXPIRES: "2026-11-22T12:00:00+00:00"} == said(NOON)


@pytest.mark.parametrize("nothing", [None, {}, {"others": "x"}])
def test_what_says_nothing_stays_until_all_is_put_back(nothing: dict[str, str] | None) -> None:
    assert not is_due(nothing, NOON)
    assert is_due(nothing, None)


@pytest.mark.parametrize("mangled", ["", "soon", "2026-13-01", "2026-11-22T13:00:00"])  # the last has no zone
def test_what_nobody_can_read_is_due(mangled: str) -> None:
    assert is_due({EXPIRES: mangled}, NOON)


def test_of_two_faults_on_one_pod_the_later_time_holds_for_both() -> None:
    assert later(NOON, said_at(LATER)) == said(LATER) == later(LATER, said_at(NOON))
    assert later(NOON, {}) == later(NOON, {EXPIRES: "soon"}) == said(NOON)
    assert later(None, said_at(NOON)) == {EXPIRES: None}, "what has to stay bears no time"


def said_at(when: datetime) -> dict[str, str]:
    return {key: text for key, text in said(when).items() if text}
