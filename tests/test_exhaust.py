"""Sessions held on purpose, seen by somebody who gets none himself."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from experiments.faults import Plan, exhaust
from experiments.recovery import objects, sessions
from targets import where
from targets.lab.target import LocalTarget
from targets.target import BadInput, Target, create
from targets.waiting import until

RESERVED = 3  # sessions of the lab's servers that only superusers get
SOON_S = 0.5


@pytest.fixture(scope="module")
def lab() -> Iterator[Any]:
    built = create("local", on_progress=lambda _: None)
    yield built
    built.close()


@contextmanager
def nobody_gets_in(lab: Target) -> Iterator[Plan]:
    """Hold every session there is, also those for superusers; these are let go soon, beside the caller's work."""
    (primary,) = lab.nodes("postgres", "primary")
    plan = exhaust.plan(lab, component="postgres", role="primary")
    exhaust.inject(lab, plan)
    try:
        with ExitStack() as superusers:
            for _ in range(RESERVED):
                superusers.enter_context(psycopg.connect(primary.endpoint, autocommit=True))
            with pytest.raises(psycopg.OperationalError, match="too many clients"):
                psycopg.connect(primary.endpoint)
            ending = threading.Timer(SOON_S, superusers.close)
            ending.start()
            yield plan
            ending.join()
    finally:
        exhaust.heal(lab, plan)


def test_sessions_are_held_though_the_reserved_ones_are_taken_for_a_moment(lab: Target) -> None:
    with nobody_gets_in(lab) as plan:
        assert exhaust.active(lab, plan)
    until(lambda: not exhaust.active(lab, plan), 10, "the sessions to be free")


def test_the_runbook_waits_for_its_way_in(lab: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(where.VARIABLE, lab.address)
    leading = lab.nodes("postgres", "primary")
    with nobody_gets_in(lab):
        monkeypatch.setattr(LocalTarget, "nodes", lambda *_: leading)  # nobody has a session to ask them by
        assert sessions.end_idle(idle_s=0)["ended"] > RESERVED


@pytest.mark.parametrize("sent", [-1, 4, 5])
def test_a_whole_upload_is_none_under_way(sent: int) -> None:
    with pytest.raises(BadInput, match=f"sent={sent} of size=4: no upload is under way"):
        objects.begin_upload("whole", size=4, sent=sent)
