"""The write ledgers: what was confirmed, refused or left open, against what is there in the end."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from probes import handle, postgres, redis
from probes.attempt import NoAnswer, Refusal
from probes.pool import KEPT
from probes.subjects import orders, queue
from probes.wire.http import Answer
from probes.wire.postgresql import SESSIONS, undone
from targets import where
from targets.abilities import Killable
from targets.target import Target, create
from tests.outages import Service

INTERVAL_S, TIMEOUT_S, WINDOW_S = 0.02, 0.5, 0.3
LONG_S = 30.0
BACKENDS: LiteralString = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO ledger %'"
ID = "a ledger & its id"

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Book:
    """A finished ledger."""

    writes: list[Line]
    final: Line

    def seqs(self, outcome: str) -> set[int]:
        return {write["seq"] for write in self.writes if write["outcome"] == outcome}

    @property
    def read(self) -> set[int]:
        return set(self.final["seqs"])

    @property
    def lost(self) -> set[int]:
        return self.seqs("acked") - self.read


def keep(folder: Path, kind: str, url: str, hurt: Callable[[], None]) -> Book:
    """Write numbers, hurt the system, wait until it takes writes again, read everything back."""
    ledger = {"name": "book", "kind": kind, "url": url, "id": ID + folder.name}
    spec = {
        "folder": str(folder),
        "interval_s": INTERVAL_S,
        "timeout_s": TIMEOUT_S,
        "window_s": WINDOW_S,
        "ledgers": [ledger],
    }
    with handle.start(spec) as client:
        before = client.steady(time.monotonic_ns(), LONG_S)
        assert before.since_ns, before.why
        hurt()
        after = client.steady(time.monotonic_ns(), LONG_S)
        assert after.since_ns, after.why
        client.finish(LONG_S)
    writes = [json.loads(line) for line in (folder / "writes.jsonl").read_text().splitlines()]
    book = Book(writes=writes, final=json.loads((folder / "final_read.json").read_text())["book"])
    # What holds for every ledger, whatever happened to the system:
    assert sorted(write["seq"] for write in writes) == list(range(1, len(writes) + 1))
    assert book.final["complete"], book.final["error"]
    assert book.final["started_ns"] >= max(write["done_ns"] for write in writes)
    assert Counter(book.final["seqs"]).most_common(1)[0][1] == 1
    assert book.seqs("failed") & book.read == set()
    assert book.read <= {write["seq"] for write in writes}
    return book


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


@pytest.mark.parametrize(
    ("mode", "outcome", "kept"),
    [
        ("refuse", "failed", False),
        ("503", "failed", False),
        ("409", "failed", False),
        ("500", "unknown", False),
        ("504", "unknown", False),
        ("reset", "unknown", False),
        ("hang", "unknown", False),
        ("cut", "unknown", False),
        ("commit-hang", "unknown", True),
        ("commit-reset", "unknown", True),
    ],
)
def test_a_write_is_what_the_answer_proves(
    tmp_path: Path, service: Service, mode: str, outcome: str, *, kept: bool
) -> None:
    def hurt() -> None:
        with service.outage(mode):
            time.sleep(5 * INTERVAL_S)

    book = keep(tmp_path, "orders", service.url, hurt)
    assert book.seqs(outcome)
    # Only the request that was on its way when the door closed may have come off differently.
    assert len({write["outcome"] for write in book.writes} - {"acked", outcome, "unknown"}) == 0
    assert book.lost == set()
    if outcome == "unknown":
        assert (book.seqs("unknown") & book.read == book.seqs("unknown")) == kept


def test_losses_are_counted_exactly(tmp_path: Path, service: Service) -> None:
    book = keep(tmp_path, "orders", service.url, lambda: service.lose(ID + tmp_path.name, 2, 3, 5))
    assert book.lost == {2, 3, 5}


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (201, b"{}", None),
        (503, b'{"error": "postgres is down"}', Refusal),
        (503, b"<html>upstream unavailable</html>", NoAnswer),  # a gateway's: it may have passed the order on
        (404, b"", Refusal),
        (200, b"{}", NoAnswer),
        (302, b"", NoAnswer),
        (502, b'{"error": "x"}', NoAnswer),
    ],
)
def test_an_orders_answer(status: int, body: bytes, raised: type[Exception] | None) -> None:
    if raised is None:
        orders.judge(Answer(status, body))
        return
    with pytest.raises(raised):
        orders.judge(Answer(status, body))


@pytest.fixture(scope="module")
def lab() -> Iterator[Target]:
    built = create("local", on_progress=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(where.VARIABLE, built.address)
        yield built
    built.close()


def kill(lab: Target, name: str) -> None:
    assert isinstance(lab, Killable)
    incarnation = lab.incarnation(name)
    assert incarnation
    lab.kill(name, incarnation)


@pytest.mark.parametrize(
    ("kind", "component"), [("orders", "api"), ("postgres", "postgres"), ("queue", "api"), ("redis", "redis")]
)
def test_everything_confirmed_is_read_back(tmp_path: Path, lab: Target, kind: str, component: str) -> None:
    book = keep(tmp_path, kind, lab.endpoint(component), lambda: None)
    assert book.seqs("acked") == book.read == {write["seq"] for write in book.writes}


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (202, b"{}", None),
        (201, b"{}", NoAnswer),
        (503, b'{"error": "postgres is down"}', Refusal),
        (503, b"<html>upstream unavailable</html>", NoAnswer),
        (400, b"", Refusal),
        (504, b'{"error": "no answer in time"}', NoAnswer),
    ],
)
def test_a_jobs_answer(status: int, body: bytes, raised: type[Exception] | None) -> None:
    if raised is None:
        queue.judge(Answer(status, body))
        return
    with pytest.raises(raised):
        queue.judge(Answer(status, body))


def test_real_errors_of_postgresql_that_undo_a_statement(lab: Target) -> None:
    def failure(url: str, sql: str) -> psycopg.Error:
        with pytest.raises(psycopg.Error) as caught, psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql)
        error: psycopg.Error = caught.value
        return error

    primary, standby = lab.nodes("postgres", "primary")[0], lab.nodes("postgres", "standby")[0]
    read_only = failure(standby.endpoint, "CREATE TABLE no (n int)")
    assert read_only.sqlstate == "25006"
    assert undone(read_only)
    assert undone(failure(primary.endpoint, "SELECT * FROM nothing_of_that_name"))
    shut_down = failure(primary.endpoint, "SELECT pg_terminate_backend(pg_backend_pid())")
    assert shut_down.sqlstate == "57P01"
    assert not undone(shut_down)


def test_a_dead_redis_master_costs_what_the_ledger_says(tmp_path: Path, lab: Target) -> None:
    (old,) = lab.nodes("redis", "master")
    seen: Line = {}

    def hurt() -> None:
        kill(lab, old.name)
        seen.update(redis.await_failover(LONG_S, old=old.name))

    book = keep(tmp_path, "redis", lab.endpoint("redis"), hurt)
    assert seen["master"] != old.name
    assert seen["detected_ns"] <= seen["promoted_ns"]
    assert redis.masters() == 1
    # Asynchronous replication may lose what was confirmed; the newest confirmed before the fault, never older ones.
    before = sorted(write["seq"] for write in book.writes if write["done_ns"] < seen["detected_ns"])
    assert book.lost <= set(before)
    assert book.lost | book.seqs("failed") | book.seqs("unknown")  # it cannot have passed without a trace
    assert isinstance(lab, Killable)
    lab.start(old.name)
    assert redis.await_replicas(2, LONG_S)["replicas"] == 2


def test_commits_that_wait_for_lost_standbys_are_unknown_and_take_few_backends(tmp_path: Path, lab: Target) -> None:
    (primary,), standbys = lab.nodes("postgres", "primary"), lab.nodes("postgres", "standby")
    most = 0

    def hurt() -> None:
        nonlocal most
        for node in standbys:
            kill(lab, node.name)
        with psycopg.connect(primary.endpoint, autocommit=True) as watch:
            until_ns = time.monotonic_ns() + int(
                4 * TIMEOUT_S * 1e9
            )  # as long as it takes to use up all sessions twice
            while time.monotonic_ns() < until_ns:
                most = max(most, watch.execute(BACKENDS).fetchall()[0][0])
                time.sleep(INTERVAL_S)
        assert isinstance(lab, Killable)
        for node in standbys:
            lab.start(node.name)

    book = keep(tmp_path, "postgres", lab.endpoint("postgres"), hurt)
    assert book.seqs("unknown")
    assert book.lost == set()
    # In use, kept, and one round of those that were being made or cancelled meanwhile.
    assert most + KEPT >= SESSIONS
    assert most <= 2 * SESSIONS + KEPT


def test_a_dead_postgresql_primary_costs_no_confirmed_write(tmp_path: Path, lab: Target) -> None:
    (old,) = lab.nodes("postgres", "primary")

    def hurt() -> None:
        kill(lab, old.name)
        promote_the_most_advanced(lab)

    book = keep(tmp_path, "postgres", lab.endpoint("postgres"), hurt)
    assert postgres.primaries() == 1
    assert book.lost == set()  # quorum commit: whoever received most has every confirmed write
    assert book.seqs("failed")  # while nobody took writes
    assert book.seqs("acked")
    under_way = [w for w in book.writes if w["outcome"] == "unknown"]
    assert all("closed" in w["error"] or "57P" in w["error"] or "within" in w["error"] for w in under_way)


def promote_the_most_advanced(lab: Target) -> None:
    received = "SELECT pg_last_wal_receive_lsn() - '0/0'::pg_lsn"
    standbys = sorted(lab.nodes("postgres", "standby"), key=lambda node: int(postgres.query(node.endpoint, received)))
    other, best = standbys
    assert postgres.query(best.endpoint, "SELECT pg_promote(true)")
    reached = psycopg.conninfo.conninfo_to_dict(best.endpoint)
    with psycopg.connect(other.endpoint, autocommit=True) as connection:
        follows = str(connection.execute("SHOW primary_conninfo").fetchall()[0][0])
        follows = psycopg.conninfo.make_conninfo(follows, host=reached["host"], port=reached["port"])
        connection.execute(
            psycopg.sql.SQL("ALTER SYSTEM SET primary_conninfo = {}").format(psycopg.sql.Literal(follows))
        )
        connection.execute("ALTER SYSTEM SET primary_slot_name = ''")
        connection.execute("SELECT pg_reload_conf()")
