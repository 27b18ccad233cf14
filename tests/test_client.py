"""The open-loop client against a service whose outages are known: it sees them, all of them, and nothing else."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from probes import handle
from probes.sampler import NOT_SENT
from targets.target import BadInput, DrillyardError
from tests.outages import Outage, Service, free_port

INTERVAL_S, TIMEOUT_S, WINDOW_S = 0.02, 0.4, 0.2
INTERVAL_NS = int(INTERVAL_S * 1e9)
MODES = ("refuse", "reset", "hang", "500", "stall", "cut")
LONG_S = 20.0  # for conditions that come within fractions of it on an idle machine

Line = dict[str, Any]


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        yield running


def spec(folder: Path, url: str, **changes: object) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "interval_s": INTERVAL_S,
        "timeout_s": TIMEOUT_S,
        "window_s": WINDOW_S,
        "streams": [{"name": "api", "kind": "http", "url": url}],
        "ledgers": [],
        **changes,
    }


def lines(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def samples(folder: Path) -> list[Line]:
    return sorted(lines(folder / "samples.jsonl"), key=lambda sample: sample["intended_ns"])


def outage_seen(folder: Path, service: Service, mode: str, seconds: float = 0.5) -> tuple[Outage, list[Line]]:
    with handle.start(spec(folder, service.url)) as client:
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        with service.outage(mode) as found:
            time.sleep(seconds)  # the length of the outage: truth, not a wait
        assert client.steady(found[0].ended_ns, LONG_S).since_ns
        client.finish(LONG_S)
    return found[0], samples(folder)


@pytest.mark.parametrize("mode", MODES)
def test_an_outage_is_seen_where_it_was_and_nowhere_else(tmp_path: Path, service: Service, mode: str) -> None:
    truth, seen = outage_seen(tmp_path, service, mode)
    failed = [sample for sample in seen if not sample["ok"]]
    # Exact, without any tolerance: a failed request was under way during the outage ...
    assert [s for s in failed if s["done_ns"] < truth.before_ns or s["intended_ns"] > truth.ended_ns] == []
    # ... and one that lay wholly inside it failed.
    inside = [s for s in seen if s["sent_ns"] >= truth.began_ns and s["done_ns"] <= truth.ending_ns]
    assert inside == [s for s in inside if not s["ok"]]
    # What the judge computes: edges within one interval and the lag that was recorded, and no gap between; the truth
    # itself is not known better than its own switching took.
    slack = INTERVAL_NS + max(s["sent_ns"] - s["intended_ns"] for s in seen)
    round_trip = max(s["done_ns"] - s["sent_ns"] for s in seen if s["ok"])
    assert abs(failed[0]["intended_ns"] - truth.began_ns) <= slack + round_trip + truth.began_ns - truth.before_ns
    assert abs(failed[-1]["intended_ns"] - truth.ended_ns) <= slack + round_trip + truth.ended_ns - truth.ending_ns
    assert failed == seen[seen.index(failed[0]) : seen.index(failed[-1]) + 1]


def test_requests_leave_on_schedule_though_nothing_answers(tmp_path: Path, service: Service) -> None:
    truth, seen = outage_seen(tmp_path, service, "hang", seconds=2 * TIMEOUT_S)
    assert {b["intended_ns"] - a["intended_ns"] for a, b in itertools.pairwise(seen)} == {INTERVAL_NS}
    hanging = [s for s in seen if truth.began_ns <= s["sent_ns"] and s["intended_ns"] <= truth.ending_ns]
    longest = max(s["sent_ns"] - s["intended_ns"] for s in hanging)
    assert longest < TIMEOUT_S * 1e9  # nobody waited for an earlier request to end
    assert {s["error"] for s in hanging if not s["ok"]} == {f"no answer within {TIMEOUT_S:g} s"}


def test_no_outage_is_seen_when_there_is_none(tmp_path: Path, service: Service) -> None:
    with handle.start(spec(tmp_path, service.url)) as client:
        began_ns = time.monotonic_ns()
        assert client.steady(began_ns + int(0.5e9), LONG_S).since_ns
        client.finish(LONG_S)
    assert [sample for sample in samples(tmp_path) if not sample["ok"]] == []


def test_an_outage_shorter_than_a_tick_leaves_at_most_one_failure(tmp_path: Path, service: Service) -> None:
    truth, seen = outage_seen(tmp_path, service, "500", seconds=INTERVAL_S / 4)
    passed = (truth.ended_ns - truth.before_ns) // INTERVAL_NS + 2
    assert len([sample for sample in seen if not sample["ok"]]) <= passed


def test_lateness_is_recorded_and_no_tick_is_missing(tmp_path: Path, service: Service) -> None:
    with handle.start(spec(tmp_path, service.url)) as client:
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        os.kill(client.pid, signal.SIGSTOP)
        stopped_ns = time.monotonic_ns()
        time.sleep(3 * TIMEOUT_S)
        woken_ns = time.monotonic_ns()
        os.kill(client.pid, signal.SIGCONT)
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        client.finish(LONG_S)
    seen = samples(tmp_path)
    assert {b["intended_ns"] - a["intended_ns"] for a, b in itertools.pairwise(seen)} == {INTERVAL_NS}
    unsent = [s for s in seen if s["error"] == NOT_SENT]
    late = [s for s in seen if s["ok"] and s["sent_ns"] - s["intended_ns"] > INTERVAL_NS]
    assert unsent
    assert late  # what was less than a timeout late did leave
    assert all(s["sent_ns"] - s["intended_ns"] > TIMEOUT_S * 1e9 and not s["ok"] for s in unsent)
    asleep = [s for s in seen if stopped_ns + INTERVAL_NS < s["intended_ns"] < woken_ns - INTERVAL_NS]
    assert all(s["sent_ns"] >= woken_ns for s in asleep)  # none claims to have left while nobody ran


def test_a_killed_client_leaves_whole_lines(tmp_path: Path, service: Service) -> None:
    client = handle.start(spec(tmp_path, service.url))
    with client:
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
    seen = samples(tmp_path)
    assert seen
    assert (tmp_path / "samples.jsonl").read_text().endswith("\n")
    assert not (tmp_path / "final_read.json").exists()
    with pytest.raises(DrillyardError, match="client ended with code -9"):
        client.steady(0, 1)


def test_end_of_input_ends_the_client_also_while_it_hangs(tmp_path: Path, service: Service) -> None:
    path = tmp_path / "SPEC.json"
    path.write_text(json.dumps(spec(tmp_path, service.url, timeout_s=60)))
    argv = [sys.executable, "-m", "probes.client", str(path)]
    with (
        service.outage("hang"),
        subprocess.Popen(argv, cwd=handle.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client,
    ):
        assert client.stdin
        assert client.stdout
        assert json.loads(client.stdout.readline()) == {"event": "ready"}
        client.stdin.write(b'{"do": "steady", "after_ns": 0, "timeout_s": 60}\n')
        client.stdin.close()
        assert client.wait(LONG_S) == 0


def test_a_harness_that_is_killed_takes_its_client_along(tmp_path: Path, service: Service) -> None:
    code = (
        "import json, sys, time; from probes import handle\n"
        "print(handle.start(json.loads(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", code, json.dumps(spec(tmp_path, service.url))]
    with subprocess.Popen(argv, cwd=handle.ROOT, stdout=subprocess.PIPE) as harness:
        assert harness.stdout
        client = psutil.Process(int(harness.stdout.readline()))
        harness.kill()
        client.wait(LONG_S)


def test_an_interrupt_leaves_the_client_to_the_harness(tmp_path: Path, service: Service) -> None:
    with handle.start(spec(tmp_path, service.url)) as client:
        assert os.getsid(client.pid) == client.pid
        os.kill(client.pid, signal.SIGINT)
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        client.finish(LONG_S)
    assert not psutil.pid_exists(client.pid)


def test_not_steady_names_the_cause(tmp_path: Path, service: Service) -> None:
    with handle.start(spec(tmp_path, service.url)) as client, service.outage("503"):
        steady = client.steady(time.monotonic_ns(), 2 * WINDOW_S)
    assert steady.since_ns is None
    assert steady.why.startswith("api: HTTP 503")


def test_steady_begins_no_earlier_than_asked_and_after_the_outage(tmp_path: Path, service: Service) -> None:
    with handle.start(spec(tmp_path, service.url)) as client:
        with service.outage("500") as found, ThreadPoolExecutor(1) as thread:
            asked = thread.submit(client.steady, 0, LONG_S)  # from a thread that is not the main one
            time.sleep(WINDOW_S)
            assert not asked.done()
            threading.Timer(0.1, service._do, [service._enter("up")]).start()
            since_ns = asked.result().since_ns
        after_ns = time.monotonic_ns() + 5 * INTERVAL_NS
        later = client.steady(after_ns, LONG_S).since_ns
        client.finish(LONG_S)
    failed = [s["intended_ns"] for s in samples(tmp_path) if not s["ok"]]
    assert since_ns
    assert later
    assert max(failed) < since_ns
    assert found[0].began_ns < since_ns
    assert after_ns <= later < after_ns + INTERVAL_NS


def test_several_streams_are_all_asked_and_all_must_be_steady(tmp_path: Path, service: Service) -> None:
    other = {"name": "gone", "kind": "http", "url": f"http://127.0.0.1:{free_port()}/"}
    streams = [{"name": "api", "kind": "http", "url": service.url}, other]
    with handle.start(spec(tmp_path, service.url, streams=streams)) as client:
        steady = client.steady(time.monotonic_ns(), 3 * WINDOW_S)
        client.finish(LONG_S)
    assert steady.since_ns is None
    assert steady.why.startswith("gone: [Errno 111]")
    by_stream = {name: [s["ok"] for s in samples(tmp_path) if s["stream"] == name] for name in ("api", "gone")}
    assert all(by_stream["api"])
    assert by_stream["gone"]
    assert not any(by_stream["gone"])


def test_a_source_may_have_a_pace_of_its_own(tmp_path: Path, service: Service) -> None:
    streams = [{"name": n, "kind": "http", "url": service.url, "interval_s": s} for n, s in (("a", None), ("b", 0.05))]
    with handle.start(spec(tmp_path, service.url, streams=streams)) as client:
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        client.finish(LONG_S)
    for name, interval_ns in (("a", INTERVAL_NS), ("b", 50_000_000)):
        row = [s for s in samples(tmp_path) if s["stream"] == name]
        assert {b["intended_ns"] - a["intended_ns"] for a, b in itertools.pairwise(row)} == {interval_ns}
        assert [s["seq"] for s in row] == list(range(1, len(row) + 1))


def test_what_is_recorded_of_the_spec_has_no_passwords(tmp_path: Path, service: Service) -> None:
    url = service.url.replace("http://", "http://ada:horses@")
    with handle.start(spec(tmp_path, url)) as client:
        assert client.steady(time.monotonic_ns(), LONG_S).since_ns
        client.finish(LONG_S)
    assert json.loads((tmp_path / "client.json").read_text())["streams"][0]["url"] == url.replace("horses", "***")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"interval_s": "fast"}, "interval_s is 'fast', which is not a number"),
        ({"interval_s": 0}, "interval_s is 0; give seconds above 0"),
        ({"colour": 1}, "unknown key 'colour'"),
        ({"streams": [{"name": "s", "kind": "http", "url": "http://x", "interval_s": 0}]}, "s: interval_s is 0; give"),
        ({"streams": [{"name": "s", "kind": "http", "url": "x", "headers": {"a": 1}}]}, "not an object of texts"),
        (
            {"ledgers": [{"name": "l", "kind": "resource", "url": "x", "id": "i"}]},
            "a resource needs `write` and `read`",
        ),
        (
            {"ledgers": [{"name": "l", "kind": "resource", "url": "x", "id": "i", "write": {"path": "/"}}]},
            r"ledgers\[0\].write lacks the key 'method'",
        ),
        ({"streams": []}, "give at least one"),
        ({"streams": [{"name": "api", "kind": "http"}]}, r"streams\[0\] lacks the key 'url'"),
        ({"streams": [{"name": "api", "kind": "gopher", "url": "x"}]}, "no kind of stream is called 'gopher'"),
        ({"streams": [{"name": "api", "kind": "orders", "url": "x"}]}, "no kind of stream is called 'orders'"),
        ({"streams": [{"name": "api", "kind": "http", "url": "ftp://x"}]}, "stream 'api': url is 'ftp://x'"),
        ({"streams": [{"name": "r", "kind": "redis", "url": "redis://h:1"}]}, r"give redis\+sentinel://"),
        ({"streams": [{"name": "p", "kind": "postgresql", "url": "a=b"}]}, "stream 'p': url is 'a=b'"),
    ],
)
def test_a_bad_spec_is_one_clear_line(tmp_path: Path, change: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        handle.start(spec(tmp_path, "http://127.0.0.1:1", **change))
    assert len((tmp_path / "client.log").read_text().splitlines()) == 1


def test_a_spec_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "probes.client", str(tmp_path / "none.json")]
    ran = subprocess.run(argv, cwd=handle.ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == f"SPEC {tmp_path / 'none.json'}: No such file or directory; give the path of a JSON file\n"


def test_http_alone_needs_no_third_party_library(tmp_path: Path, service: Service) -> None:
    (tmp_path / "SPEC.json").write_text(json.dumps(spec(tmp_path, service.url)))
    argv = [sys.executable, "-I", "-S", "-c"]
    code = f"import sys; sys.path.append({str(handle.ROOT)!r}); from probes.client import main; main(sys.argv[1:])"
    with subprocess.Popen(
        [*argv, code, str(tmp_path / "SPEC.json")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as client:
        assert client.stdin
        assert client.stdout
        client.stdin.write(b'{"do": "finish"}\n')
        client.stdin.flush()
        assert [json.loads(line)["event"] for line in client.stdout] == ["ready", "finished"]
