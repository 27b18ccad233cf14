"""What runbooks and launchers do when what is left of a system is stormed by its callers."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psycopg
import pytest

from experiments.recovery import postgres
from targets.lab.target import LocalTarget
from targets.rules import Rule
from targets.target import Node, Target
from targets.waiting import until

PATIENCE_S = 60.0
REFUSED_FOR_S = 0.5
STREAMING = "select count(*) from pg_stat_replication where state = 'streaming'"


def test_a_session_that_is_refused_does_not_end_it(target: Target) -> None:
    assert isinstance(target, LocalTarget)
    (primary,) = target.nodes("postgres", "primary")
    rule = Rule(id="t-refused", sources=("*",), destinations=(primary.name,), mode="reject")
    target.cut(rule)
    over = threading.Timer(REFUSED_FOR_S, target.uncut, [rule.id])
    over.start()
    try:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(primary.endpoint, connect_timeout=2)
        assert postgres._ask(primary, "select 1") == 1
    finally:
        over.join()


@contextmanager
def taken(node: Node) -> Iterator[int]:
    """Hold every session that a server has to give; gives how many."""
    with ExitStack() as held:
        count = 0
        with suppress(psycopg.OperationalError):  # too many clients already
            while True:
                held.enter_context(psycopg.connect(node.endpoint, autocommit=True))
                count += 1
        yield count


def test_an_old_primary_comes_back_though_callers_have_every_session_of_the_new_one(target: Target) -> None:
    assert isinstance(target, LocalTarget)
    (old,) = target.nodes("postgres", "primary")
    new, _ = target.nodes("postgres", "standby")
    incarnation = target.incarnation(old.name)
    assert incarnation
    target.kill(old.name, incarnation, for_good=True)
    postgres._ask(new, "select pg_promote()")  # and here the runbook is broken off: nobody is sent on
    until(lambda: not postgres._ask(new, "select pg_is_in_recovery()"), PATIENCE_S, "the promotion")
    with taken(new) as sessions:
        assert sessions > 50
        target.start(old.name)
        assert postgres._ask(old, "select pg_is_in_recovery()")
    until(lambda: postgres._ask(new, STREAMING) == 2, PATIENCE_S, "both to follow")
