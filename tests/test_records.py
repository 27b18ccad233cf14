"""The judge on records that are missing, mangled or torn: reasons, never tracebacks."""

from pathlib import Path

import pytest

from reports.measures import judge
from tests.rules import LONG, of
from tests.runfolder import OUTAGE, Records, acked, final_read, objective, requests, writes

FILES = [
    "objective.json",
    "environment.json",
    "samples.jsonl",
    "writes.jsonl",
    "final_read.json",
    "activities.jsonl",
    "chaostoolkit.json",
    "session.json",
]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_a_reason(name: str, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    (folder / name).unlink()
    outcome = judge(folder)
    assert outcome.verdict == "unknown"
    assert f"{name} is missing" in outcome.why


@pytest.mark.parametrize("name", [*FILES, "injections/i1.json"])
@pytest.mark.parametrize("text", [b"", b"{", b"[1]\n", b"\xff\x00", b'{"rto_s": NaN}\n', b"[" * 10_000])
def test_a_mangled_file_is_a_reason_and_never_a_traceback(name: str, text: bytes, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    (folder / name).write_bytes(text)
    assert judge(folder).verdict == "unknown"


@pytest.mark.parametrize("name", ["samples.jsonl", "writes.jsonl", "activities.jsonl"])
def test_a_mangled_line_in_the_middle_is_a_reason_and_the_others_count(name: str, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    lines = (folder / name).read_bytes().splitlines(keepends=True)
    (folder / name).write_bytes(b"".join([*lines[:-1], b'{"str\n', lines[-1]]))
    outcome = judge(folder)
    assert outcome.verdict == "unknown"
    assert f"{name}, line {len(lines)} is mangled: it is not JSON" in outcome.why
    assert ("RPO not measured: writes.jsonl is not whole" in outcome.why) == (name == "writes.jsonl")
    assert (outcome.rpo_s is None) == (name == "writes.jsonl")
    assert outcome.rto_s == 1.1


@pytest.mark.parametrize("name", ["samples.jsonl", "writes.jsonl", "activities.jsonl"])
def test_a_torn_last_line_is_dropped_and_keeps_it_from_being_met(name: str, tmp_path: Path) -> None:
    folder = Records().lay(tmp_path)
    with (folder / name).open("a") as file:
        file.write('{"stream": "ap')
    outcome = judge(folder)
    assert outcome.verdict == "unknown"
    assert outcome.why[-1] == f"{name} was cut off in its last line"
    assert outcome.rto_s == 1.1


def test_with_torn_writes_a_foreign_row_proves_nothing_and_a_loss_does(tmp_path: Path) -> None:
    for extra, missing, verdict in (([777], [], "unknown"), ([], [90], "missed")):
        seqs = [s for s in acked(writes(down=OUTAGE)) if s not in missing]
        folder = Records(final_read=final_read([*seqs, *extra])).lay(tmp_path / verdict)
        with (folder / "writes.jsonl").open("a") as file:
            file.write('{"ledger": "or')
        assert judge(folder).verdict == verdict


def test_a_miss_that_was_seen_stays_one_when_a_record_is_torn(tmp_path: Path) -> None:
    folder = Records(samples=requests(down=LONG)).lay(tmp_path)
    (folder / "session.json").write_text("{")
    assert judge(folder).verdict == "missed"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"rto_s": "fast"}, "objective.json: rto_s is 'fast', it must be a number"),
        ({"rto_s": True}, "objective.json: rto_s is True, it must be a number"),
        ({"severity": "p9"}, "objective.json: severity is 'p9', it must be one of p0, p1, p2, p3"),
        ({"interval_s": 0}, "objective.json: interval_s is 0.0, it must be at least 1e-06"),
        ({"streams": []}, "objective.json: streams is empty, there is nothing to judge the RTO on"),
        ({"streams": "api"}, "objective.json: streams is 'api', it must be a list"),
    ],
)
def test_an_objective_that_cannot_be_is_a_reason(changed: dict[str, object], says: str, tmp_path: Path) -> None:
    outcome = of(tmp_path, objective=objective(**changed))
    assert (outcome.verdict, outcome.why[0]) == ("unknown", says)


def test_a_missing_key_is_a_reason(tmp_path: Path) -> None:
    rows = requests(down=OUTAGE)
    del rows[7]["ok"]
    assert of(tmp_path, samples=rows).why == ("samples.jsonl, line 8: ok is missing",)
