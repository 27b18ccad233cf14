"""Many rows are read fast, and not one of them otherwise than carefully."""

import gc
import io
import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import lines
from reports.folder import parse
from reports.shapes import BadRecord, Sample, Write, build

GOOD = {"ledger": "l", "seq": 1, "intended_ns": 2, "sent_ns": 3, "done_ns": 4, "outcome": "acked", "error": None}
DOUBTFUL = [
    json.dumps({**GOOD, "error": 'HTTP 503: {"error": "}"}'}),  # a row all the same
    json.dumps({**GOOD, "more": {"of": ["a newer house"]}}),
    json.dumps({key: value for key, value in GOOD.items() if key != "error"}),
    json.dumps({**GOOD, "seq": True}),
    json.dumps({**GOOD, "seq": 1.0}),
    json.dumps({**GOOD, "outcome": "lost"}),
    json.dumps({**GOOD, "outcome": []}),
    json.dumps({**GOOD, "seq": 1})[:-1] + ', "seq": 2}',
    json.dumps({**GOOD, "seq": float("nan")}),
    json.dumps(GOOD)[:20],
    json.dumps(GOOD)[:-1],
    json.dumps(GOOD)[1:],
    f"{json.dumps(GOOD)}, {json.dumps(GOOD)}",
    f" {json.dumps(GOOD)}\t",
    f"{json.dumps(GOOD)}\r",
    '{"ledger": "l", "seq": 1',
    '"intended_ns": 2, "sent_ns": 3, "done_ns": 4, "outcome": "acked"}',
    "[",
    "]",
    "{}",
    "",
    "   ",
    "é" * 3,
    "\ud800",
]  # fmt: skip


def read(text: bytes, *, block: int) -> tuple[Any, list[tuple[int, bytes]], bool]:
    asked = []

    def careful(number: int, line: bytes) -> Write | None:
        asked.append((number, line))
        try:
            return build(Write, parse(line))
        except (BadRecord, ValueError):
            return None

    with mock.patch.object(lines, "BLOCK", block):
        rows, torn = lines.read(io.BytesIO(text), Write, careful)
    return rows, asked, torn


def carefully(text: bytes) -> tuple[Any, bool]:
    rows = []
    *whole, rest = text.split(b"\n")
    for line in filter(bytes.strip, whole):
        try:
            rows.append(build(Write, parse(line)))
        except (BadRecord, ValueError):
            continue
    return tuple(rows), bool(rest)


numbered = st.builds(lambda seq: json.dumps({**GOOD, "seq": seq}), st.integers())
line = st.one_of(numbered, st.sampled_from(DOUBTFUL))


@given(st.lists(line, max_size=12), st.booleans(), st.integers(1, 400))
def test_fast_reading_finds_what_careful_reading_finds(given: list[str], whole: bool, block: int) -> None:
    text = ("\n".join(given) + ("\n" if whole else "")).encode(errors="surrogatepass")
    rows, _, torn = read(text, block=block)
    assert (rows, torn) == carefully(text)


def test_careful_reading_is_told_the_right_numbers() -> None:
    text = "\n".join([*[json.dumps(GOOD)] * 50, "no", json.dumps(GOOD), "[", ""]).encode()
    rows, asked, _ = read(text, block=300)
    assert len(rows) == 51
    assert {(51, b"no"), (53, b"[")} <= set(asked)
    assert len(asked) < 20  # the other blocks were beyond doubt


def test_two_half_objects_and_a_double_one_are_no_three_rows() -> None:
    half, other, double = DOUBTFUL[15], DOUBTFUL[16], DOUBTFUL[12]
    rows, asked, _ = read(f"{half}\n{other}\n{double}\n".encode(), block=1000)
    assert rows == ()
    assert [number for number, _ in asked] == [1, 2, 3]


@pytest.mark.parametrize("kind", [Sample, Write])
def test_rows_made_fast_are_rows(kind: Any) -> None:
    values = {"stream": "s", "ok": True, **GOOD}
    row = {name: values[name] for name in kind.__slots__}
    (made,) = lines.read(io.BytesIO(json.dumps(row).encode() + b"\n"), kind, mock.Mock())[0]
    assert made == kind(**row)
    with pytest.raises(AttributeError):
        made.done_ns = 0


def test_the_garbage_collector_is_left_as_it_was() -> None:
    with lines.uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
