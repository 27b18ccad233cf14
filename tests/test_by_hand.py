"""`python -m probes ledger`, and the ledgers of S3 and of any resource, on the real lab."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes import handle, redis, watching
from probes.handle import ROOT
from targets import systems, where
from targets.abilities import Killable
from targets.target import Target, create
from tests import vandals

LONG_S = 60.0
Line = dict[str, Any]


@pytest.fixture(scope="module")
def lab() -> Iterator[Target]:
    built = create("local", on_progress=lambda _: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(where.VARIABLE, built.address)
        yield built
    built.close()


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "probes", "ledger", *argv]


def keep(*argv: str) -> tuple[int, Line, str]:
    """Keep a ledger: the exit code, what --json says, and what is told beside it."""
    ran = subprocess.run(
        command(*argv, "--json"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONG_S
    )
    return ran.returncode, json.loads(ran.stdout), ran.stderr


@pytest.mark.parametrize(
    ("system", "component"),
    [("lab", "objects"), ("lab-resource", "api"), ("lab", "api"), ("lab", "postgres"), ("lab", "redis")],
)
def test_everything_confirmed_is_read_back(lab: Target, system: str, component: str) -> None:
    code, found, told = keep(system, "--component", component, "--for", "1s", "--timeout", "10s")
    assert (found["lost"], found["unexpected"], found["duplicates"], found["read_error"]) == (0, 0, 0, None)
    assert found["acked"] == found["attempted"] >= (8 if component == "objects" else 40)
    assert code == 0
    assert found["rpo_s"] is None  # nothing happened: nothing is proven
    assert "RPO not measured: there was no outage to count back from" in told


def test_more_objects_than_a_page_holds_are_read_back(lab: Target, tmp_path: Path) -> None:
    (ledger,) = watching.ledgers(lab, systems.load("lab"), "objects", ledger_id="pages")
    client, bucket = vandals.objects()
    for seq in range(1, 1101):
        client.put_object(Bucket=bucket, Key=f"drillyard/ledger/pages/{seq:08}", Body=f"{seq}\n".encode())
    spec = {"folder": str(tmp_path), "interval_s": 1.0, "timeout_s": 10.0, "ledgers": [ledger]}
    with handle.start(spec) as one:
        one.finish(LONG_S)
    final = json.loads((tmp_path / "final_read.json").read_text())["objects-writes"]
    assert final["complete"], final["error"]
    assert final["seqs"] == list(range(1, 1101))
    assert "lab-secret" not in (tmp_path / "client.json").read_text()


def test_lost_objects_are_counted_and_named(lab: Target) -> None:
    argv = command("lab", "--component", "objects", "--timeout", "10s", "--json")
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as kept:
        assert kept.stderr
        assert kept.stdout
        assert kept.stderr.readline().startswith("writing into objects-writes (by-hand-")
        time.sleep(1)
        assert vandals.forget_objects(4) == 4  # of about ten
        kept.send_signal(signal.SIGINT)
        found, told = json.loads(kept.stdout.read()), kept.stderr.read()
    assert kept.returncode == 1
    assert found["lost"] == len(found["lost_numbers"]) == 4
    assert found["rpo_s"] is None
    assert "RPO not measured: there was no outage to count back from, though 4 confirmed writes are lost" in told
    assert f"lost: {', '.join(map(str, found['lost_numbers']))}" in told


def test_a_dead_master_shows_in_the_ledger(lab: Target) -> None:
    (old,) = lab.nodes("redis", "master")
    argv = command("lab", "--component", "redis", "--target", lab.address, "--json")
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as kept:
        assert kept.stderr
        assert kept.stdout
        kept.stderr.readline()
        time.sleep(0.5)
        assert isinstance(lab, Killable)
        incarnation = lab.incarnation(old.name)
        assert incarnation
        before_ns = time.monotonic_ns()
        lab.kill(old.name, incarnation)
        after_ns = time.monotonic_ns()
        redis.await_failover(LONG_S, old=old.name)
        told = [kept.stderr.readline(), kept.stderr.readline()]
        kept.send_signal(signal.SIGINT)
        found = json.loads(kept.stdout.read())
        told.append(kept.stderr.read())
    lab.start(old.name)
    assert redis.await_replicas(2, LONG_S)["replicas"] == 2
    assert told[1].startswith("outage 1: ")  # told while it still wrote
    (outage,) = found["outages"]
    slack_ns = outage["bound_s"] * 1e9 + 0.1e9
    assert before_ns - slack_ns <= outage["t1_ns"] <= after_ns + slack_ns
    assert outage["t5_ns"] > outage["t1_ns"]
    assert found["read_error"] is None
    assert found["unexpected"] == 0
    assert kept.returncode == (1 if found["lost"] else 0)
    if found["lost"]:  # asynchronous replication may lose the newest
        assert 0 < found["rpo_s"] < 1
    else:
        assert found["rpo_s"] == 0


def test_what_cannot_be_read_back_is_not_measured(lab: Target, tmp_path: Path) -> None:
    text = (ROOT / "targets" / "systems" / "lab-resource.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace('numbers = "seqs[]"', 'numbers = "rows[]"'))
    argv = (str(tmp_path / "mine.toml"), "--component", "api", "--for", "0.3s", "--read-within", "0.2s")
    code, found, told = keep(*argv, "--timeout", "20ms")
    assert code == 3
    assert (found["lost"], found["rpo_s"]) == (None, None)
    assert "'rows'" in found["read_error"]
    assert "RPO not measured: it could not be read back" in told


def test_on_a_terminal_it_shows_what_it_is_doing(lab: Target) -> None:
    ours, its = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "30"}
    argv = command("lab", "--component", "api", "--for", "1s")
    process = subprocess.Popen(argv, cwd=ROOT, stdout=its, stderr=its, stdin=its, env=environment)
    os.close(its)
    shown, limit = "", time.monotonic() + LONG_S
    while "own lag: max" not in shown:
        assert time.monotonic() < limit, shown[-2000:]
        if select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 65536).decode(errors="replace")
    assert process.wait(LONG_S) == 0
    os.close(ours)
    assert " WRITING " in shown
    assert "lost 0, recovered 0" in shown


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("nowhere", "--component", "api"), "--system nowhere: cannot read"),
        (("lab", "--component", "web"), "no component 'web'; it has api"),
        (("lab", "--component", "sentinel"), "components.sentinel has no `ledger`"),
        (("lab", "--component", "api", "--target", "local:/nowhere"), "no lab is up there"),
        (("lab", "--component", "api", "--for", "ever"), "--for: 'ever' is not a duration"),
    ],
)
def test_bad_input_is_one_line_and_2(lab: Target, argv: tuple[str, ...], says: str) -> None:
    ran = subprocess.run(command(*argv), cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONG_S)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_the_help_says_what_is_measured() -> None:
    told = subprocess.run(command("--help"), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for word in ("lost", "recovered", "unexpected", "duplicate", "not measured", "exit codes:", "--component"):
        assert word in told
