"""The embedded lab, for real: what it promises to be, to survive, and to leave behind, which is nothing."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from targets import local, s3
from targets.abilities import Killable, Loadable, Partitionable
from targets.lab import build, processes
from targets.lab.layout import COMPONENTS, PARTS
from targets.lab.ready import client
from targets.lab.target import LocalTarget
from targets.rules import Rule
from targets.target import BadInput, Node, Target, TargetError, TargetGone, VictimGone, attach

WITHIN_S = 60.0
DEADLINE_S = 3.0  # the API promises about one second; the machine is shared
ROOT = Path(__file__).parent.parent
OWNER = "import time; from targets import local; print(local.create().address, flush=True); time.sleep(600)"


@pytest.fixture(scope="session")
def lab() -> Iterator[LocalTarget]:
    found = local.create()
    yield found
    found.close()


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until a condition holds, forgiving errors on the way."""
    deadline = time.monotonic() + WITHIN_S
    last: object = None
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (psycopg.Error, OSError, http.client.HTTPException, TargetError) as error:
            last = error
        time.sleep(0.02)
    raise AssertionError(f"not within {WITHIN_S:.0f} s: {what}; last: {last}")


def ask(url: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=2 * DEADLINE_S)) as connection:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()


def is_created(url: str, body: bytes) -> bool:
    return ask(url, "POST", "/orders", body)[0] == 201


def order(lab: LocalTarget, ledger: str, seq: int) -> int:
    return ask(lab.endpoint("api"), "POST", "/orders", json.dumps({"ledger": ledger, "seq": seq}).encode())[0]


def health(lab: LocalTarget, node: str = "") -> dict[str, str]:
    found = next((n.endpoint for n in lab.nodes("api") if n.name == node), lab.endpoint("api"))
    answer: dict[str, str] = json.loads(ask(found, "GET", "/health")[1])
    return answer


def sql(node: Node, text: str) -> list[Any]:
    with psycopg.connect(node.endpoint, autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(text)
        return cursor.fetchall() if cursor.description else []


def kill(lab: LocalTarget, name: str) -> str:
    victim = lab.incarnation(name)
    assert victim
    lab.kill(name, victim)
    return victim


def test_it_is_what_it_says(lab: LocalTarget) -> None:
    assert isinstance(lab, Target)
    assert isinstance(lab, Killable)
    assert isinstance(lab, Partitionable)
    assert isinstance(lab, Loadable)
    assert lab.disposable
    assert lab.address in local.running()
    assert {component: len(lab.nodes(component)) for component in COMPONENTS} == {
        "postgres": 3,
        "redis": 3,
        "sentinel": 3,
        "objects": 1,
        "api": 2,
        "worker": 1,
    }
    assert [n.role for n in lab.nodes("postgres")].count("primary") == 1
    assert len(lab.nodes("redis", "replica")) == 2
    with pytest.raises(BadInput, match="postgres, redis, sentinel, objects, api, worker"):
        lab.nodes("nonsense")


def test_it_is_ready(lab: LocalTarget) -> None:
    assert health(lab, "api-1")["status"] == health(lab, "api-2")["status"] == "ok"
    (primary,) = lab.nodes("postgres", "primary")
    rows = sql(primary, "select sync_state from pg_stat_replication where state = 'streaming'")
    assert rows == [("quorum",)] * 2
    assert sql(primary, "show data_checksums") == [("on",)]
    for node in lab.nodes("sentinel"):
        with client(int(node.endpoint.rpartition(":")[2])) as sentinel:
            assert "OK 3 usable" in str(sentinel.execute_command("SENTINEL", "CKQUORUM", "lab"))


def test_the_contract_of_its_api(lab: LocalTarget) -> None:
    url = lab.endpoint("api")
    assert [order(lab, "contract", seq) for seq in (3, 1, 1)] == [201, 201, 201]
    assert json.loads(ask(url, "GET", "/orders?ledger=contract")[1]) == {"seqs": [1, 3]}
    assert json.loads(ask(url, "GET", "/orders/latest")[1])["id"] > 0
    assert ask(url, "POST", "/orders", b"{}")[0] == 400
    body = os.urandom(70_000)
    assert ask(url, "PUT", "/documents/a/b.bin", body) == (201, b'{"name":"a/b.bin","size":70000}')
    assert ask(url, "GET", "/documents/a/b.bin") == (200, body)
    assert ask(url, "GET", "/documents/none")[0] == 404
    assert ask(url, "PUT", "/sessions/s", b'{"user": 1}')[0] == 200
    assert json.loads(ask(url, "GET", "/sessions/s")[1]) == {"user": 1}
    (primary,) = lab.nodes("postgres", "primary")
    until(lambda: sql(primary, "select count(*) from orders where done_at is null") == [(0,)], "the worker did all")
    assert json.loads(ask(url, "GET", "/queues")[1]) == {
        "high": 0, "medium": 0, "low": 0, "failed": 0, "processing": 0,
    }  # fmt: skip


def test_a_job_that_cannot_be_done_fails_in_the_end(lab: LocalTarget) -> None:
    (master,) = lab.nodes("redis", "master")
    with client(int(master.endpoint.rpartition(":")[2])) as redis:
        redis.lpush("queue:high", json.dumps({"order": -1}), "no JSON")
        until(lambda: redis.llen("queue:failed") == 2, "both jobs are given up")
        redis.delete("queue:failed")


def test_it_can_be_opened_by_its_address(lab: LocalTarget) -> None:
    other = attach(lab.address)
    assert other.endpoint("api") == lab.endpoint("api")
    with pytest.raises(TargetGone):
        attach("local:/nowhere/at/all")
    with pytest.raises(BadInput):
        local.attach("local")


def test_the_watchdogs_part_needs_the_standard_library_only(lab: LocalTarget) -> None:
    program = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from targets import local; from targets.rules import Rule
lab = local.attach({lab.address!r}); lab.incarnation("api-1"); lab.uncut("x"); lab.unload("x")
lab.cut(Rule(id="x", sources=("worker-1",), destinations=("objects-a",), mode="drop"))
print(lab.cuts()); lab.uncut("x")
lab.load("api-1", load_id="x", kind="cpu", workers=1, seconds=5); print(lab.loading("x"))
lab.unload("x"); lab.start("redis-b")
foreign = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names - {{"targets", "__main__"}}
assert not foreign, foreign
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "frozenset({'x'})\n1\n", "")


def test_a_command_runs_where_the_node_runs(lab: LocalTarget) -> None:
    (standby, _) = lab.nodes("postgres", "standby")
    done = lab.run(standby, ["psql", "-Atc", "select pg_is_in_recovery()"], timeout=20)
    assert (done.code, done.out) == (0, "t\n")
    assert lab.run(standby, ["pg_controldata", "-D", "data"], timeout=20).code == 0
    with pytest.raises(TargetError, match="did not end within"):
        lab.run(standby, ["sleep", "60"], timeout=0.2)


def test_a_killed_replica_of_the_api_comes_back_and_its_twin_serves(lab: LocalTarget) -> None:
    victim = kill(lab, "api-1")
    assert ask(lab.endpoint("api"), "GET", "/livez")[0] == 200  # by the other one
    with pytest.raises(VictimGone):
        lab.kill("api-1", victim)
    until(lambda: lab.incarnation("api-1") not in (None, victim), "restarted")
    until(lambda: health(lab, "api-1")["status"] == "ok", "healthy again")


def test_a_dead_primary_stays_dead_and_comes_back_as_a_standby(lab: LocalTarget) -> None:
    assert order(lab, "failover", 1) == 201
    (old,) = lab.nodes("postgres", "primary")
    before = {pid for pid, node in processes.members(lab.folder).items() if node == old.name}
    assert len(before) > 3
    kill(lab, old.name)
    assert not before & processes.members(lab.folder).keys()  # its backends too
    assert order(lab, "failover", 2) in (503, 504)
    standbys = lab.nodes("postgres", "standby")
    new, other = sorted(standbys, key=lambda n: str(sql(n, "select pg_last_wal_receive_lsn()")), reverse=True)
    sql(new, "select pg_promote()")
    repoint(other, new)
    until(lambda: order(lab, "failover", 3) == 201, "the API found the new primary")
    assert lab.incarnation(old.name) is None  # nobody restarts a dead database host
    assert [n.role for n in lab.nodes("postgres") if n.name == old.name] == [""]
    lab.start(old.name)
    lab.start(old.name)  # nothing to do
    until(lambda: [n.name for n in lab.nodes("postgres", "primary")] == [new.name], "one primary")
    assert "rewinding onto" in (lab.folder / old.name / "log").read_text()
    streaming = "select count(*) from pg_stat_replication where state = 'streaming'"
    until(lambda: sql(new, streaming) == [(2,)], "both follow the new primary")
    seqs = json.loads(ask(lab.endpoint("api"), "GET", "/orders?ledger=failover")[1])["seqs"]
    assert {1, 3} <= set(seqs) <= {1, 2, 3}


def repoint(standby: Node, primary: Node) -> None:
    parts = urlsplit(primary.endpoint)
    where = f"host={parts.hostname} port={parts.port} user=postgres application_name={standby.name}"
    sql(standby, f"alter system set primary_conninfo = '{where}'")
    sql(standby, "select pg_reload_conf()")


def test_an_old_primary_waits_when_the_new_one_is_away(lab: LocalTarget) -> None:
    (old,) = lab.nodes("postgres", "primary")
    new, other = lab.nodes("postgres", "standby")
    kill(lab, old.name)
    sql(new, "select pg_promote()")
    repoint(other, new)
    until(lambda: order(lab, "waits", 1) == 201, "the new primary takes orders")
    until(lambda: any((lab.folder / "archive").glob("00000003.history")), "its promotion is archived")
    kill(lab, new.name)
    with ThreadPoolExecutor() as pool:
        coming = pool.submit(lab.start, old.name)
        log = lab.folder / old.name / "log"
        until(lambda: "waiting for that primary" in log.read_text(), "it does not come up as a second primary")
        assert not coming.done()
        lab.start(new.name)  # as it was: the primary
        coming.result(WITHIN_S)
    assert [n.name for n in lab.nodes("postgres", "primary")] == [new.name]
    until(lambda: len(lab.nodes("postgres", "standby")) == 2, "all are back")
    until(lambda: order(lab, "waits", 2) == 201, "orders go on")


def test_a_dead_master_is_replaced_and_comes_back_as_a_replica(lab: LocalTarget) -> None:
    (old,) = lab.nodes("redis", "master")
    kill(lab, old.name)
    assert order(lab, "no-redis", 1) == 201  # accepted all the same, its job comes later
    new = until(lambda: lab.nodes("redis", "master"), "the sentinels chose another")[0]
    assert new.name != old.name
    lab.start(old.name)
    assert [n.role for n in lab.nodes("redis") if n.name == old.name] == ["replica"]
    until(lambda: health(lab)["redis"] == "ok", "the API found the new master")
    (primary,) = lab.nodes("postgres", "primary")
    undone = "select count(*) from orders where ledger = 'no-redis' and done_at is null"
    until(lambda: sql(primary, undone) == [(0,)], "the worker enqueued and did what was left")


def test_a_silent_database_costs_the_api_no_more_than_its_deadline(lab: LocalTarget) -> None:
    (primary,) = lab.nodes("postgres", "primary")
    api = tuple(n.name for n in lab.nodes("api"))
    lab.cut(Rule(id="silent", sources=api, destinations=(primary.name,), mode="drop"))
    try:
        assert lab.cuts() == {"silent"}
        for seq in range(3):
            began = time.monotonic()
            assert order(lab, "silent", seq) in (503, 504)
            assert time.monotonic() - began < DEADLINE_S
        assert sql(primary, "select 1") == [(1,)]  # a caller from outside notices nothing
        assert ask(lab.endpoint("api"), "GET", "/livez")[0] == 200
    finally:
        lab.uncut("silent")
        lab.uncut("silent")
    for seq, replica in enumerate(lab.nodes("api"), 3):  # each has connections of its own to set up again
        body = json.dumps({"ledger": "silent", "seq": seq}).encode()
        until(partial(is_created, replica.endpoint, body), "healed")


def nothing_is_half_written(lab: LocalTarget) -> bool:
    status, body = ask(lab.endpoint("api"), "GET", "/documents-audit")
    return status == 200 and not any(json.loads(body).values())


def test_without_objects_orders_go_on_and_uploads_are_refused_whole(lab: LocalTarget) -> None:
    rule = Rule(id="no-s3", sources=("*",), destinations=("objects-a",), mode="reject")
    lab.cut(rule)
    try:
        assert order(lab, "no-s3", 1) == 201
        status, body = ask(lab.endpoint("api"), "PUT", "/documents/refused", b"x")
        assert (status, "objects" in body.decode()) == (503, True)
        assert health(lab)["status"] == "degraded"
    finally:
        lab.uncut("no-s3")
    until(lambda: nothing_is_half_written(lab), "nothing half-written")
    assert ask(lab.endpoint("api"), "GET", "/documents/refused")[0] == 404


def test_an_object_that_comes_after_its_upload_was_given_up_does_not_stay(lab: LocalTarget) -> None:
    bucket, name = s3.client(lab.endpoint("objects"))
    bucket.put_object(Bucket=name, Key="documents/late/0", Body=b"late")
    until(lambda: nothing_is_half_written(lab), "the late object gone")
    assert "Contents" not in bucket.list_objects_v2(Bucket=name, Prefix="documents/late/")
    bucket.close()


def test_a_rule_that_could_do_nothing_is_refused(lab: LocalTarget) -> None:
    with pytest.raises(BadInput, match="no connections"):
        lab.cut(Rule(id="x", sources=("*",), destinations=("worker-1",), mode="drop"))
    with pytest.raises(BadInput, match="no node 'api-9'"):
        lab.cut(Rule(id="x", sources=("api-9",), destinations=("objects-a",), mode="drop"))
    with pytest.raises(BadInput, match="speak HTTP"):
        lab.cut(Rule(id="x", sources=("*",), destinations=("redis-a",), mode="errors", status=503))
    assert lab.cuts() == frozenset()


def test_loads_work_and_end_by_themselves(lab: LocalTarget) -> None:
    lab.load("api-2", load_id="short", kind="cpu", workers=2, seconds=0.5)
    lab.load("api-2", load_id="long", kind="cpu", workers=1, seconds=600)
    assert lab.loading("short") == 2
    until(lambda: lab.loading("short") == 0, "they end")
    kill(lab, "api-2")
    assert lab.loading("long") == 1  # beside the node, not part of it
    lab.unload("long")
    lab.unload("long")
    assert lab.loading("long") == 0
    until(lambda: health(lab, "api-2")["status"] == "ok", "healthy again")


def test_two_labs_stand_side_by_side(lab: LocalTarget) -> None:
    with closing(local.create()) as other:
        assert {lab.address, other.address} <= set(local.running())
        assert order(other, "second", 1) == 201
        answer = ask(lab.endpoint("api"), "GET", "/orders?ledger=second")[1]
        assert json.loads(answer) == {"seqs": []}
        build.clear_abandoned()  # what lives is left alone
        kill(other, "postgres-a")
        assert order(lab, "first", 1) == 201
    assert not other.folder.exists()
    other.close()
    with pytest.raises(TargetGone):
        other.nodes("api")
    with pytest.raises(TargetGone):
        other.cuts()
    assert order(lab, "first", 2) == 201


def segments() -> set[str]:
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def segments_of(folder: Path) -> set[str]:
    return {f.read_text().splitlines()[6].split()[1] for f in folder.glob("postgres-*/data/postmaster.pid")}


def listens(port: int) -> bool:
    with suppress(OSError), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
        connection.connect()
        return True
    return False


def gone(folder: Path, *, by_the_next: bool) -> bool:
    """Look again and again: a process that ends has no memory any more while it still holds the lab's lock."""
    if by_the_next:
        build.clear_abandoned()
    return not folder.exists()


@pytest.mark.parametrize("dies", ["creator", "supervisor", "keeper", "creator and supervisor", "supervisor and keeper"])
def test_nothing_is_left_whoever_dies(dies: str) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert owner.stdout
    found = local.attach(owner.stdout.readline().strip())
    doors = json.loads((found.folder / "doors.json").read_text())
    shared = segments_of(found.folder)
    assert len(shared) == 3
    (supervisor,) = (pid for pid, node in processes.members(found.folder).items() if not node)
    keeper = (processes.stat(supervisor) or (0,))[0]
    pids = {"creator": owner.pid, "supervisor": supervisor, "keeper": keeper}
    for each in dies.split(" and "):
        os.kill(pids[each], signal.SIGKILL)
    if dies == "supervisor and keeper":  # the kernel ends the processes; the next lab's start does the rest
        until(lambda: not processes.members(found.folder), "the kernel ended the processes")
    until(lambda: gone(found.folder, by_the_next=dies == "supervisor and keeper"), "the folder is gone")
    until(lambda: not processes.members(found.folder), "no process is left")
    assert not segments() & shared
    until(lambda: not any(listens(port) for port in doors.values()), "every door is closed")
    assert found.address not in local.running()
    owner.kill()
    owner.stdout.close()
    owner.wait()


def test_the_command_line_keeps_a_lab_until_it_is_taken_down() -> None:
    words = [sys.executable, "-m", "targets"]
    up = subprocess.Popen([*words, "up", "local"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert up.stdout
    lines = []
    while "Ctrl-C" not in (line := up.stdout.readline()):
        assert line
        lines.append(line)
    (address,) = (line.rpartition(" ")[2].strip() for line in lines if "The lab is up" in line)
    assert all(any(part.name in line for line in lines) != part.spare for part in PARTS)
    listed = subprocess.run([*words, "list"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert address in listed.stdout
    down = subprocess.run([*words, "down", address], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "taken down" in down.stdout
    assert up.wait(WITHIN_S) == 0
    up.stdout.close()
    assert not Path(address.partition(":")[2]).exists()
