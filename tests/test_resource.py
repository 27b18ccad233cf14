"""A ledger through any HTTP resource: the odd answers of a scripted server. The real lab is in test_by_hand.py."""

import asyncio
import json
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from probes import attempt, headers, subjects
from probes.attempt import ACKED, FAILED, UNKNOWN, NoAnswer, perform
from probes.spec import LedgerSpec, ReadSpec, WriteSpec
from probes.subjects import resource
from targets import numbers, systems
from targets.target import BadInput
from tests.scripted import Request, serving

WRITE = WriteSpec(method="POST", path="/things", body='{"of": "{ledger}", "n": {n}}', acked=(201,), refused=(409,))
READ = ReadSpec(path="/things?of={ledger}", numbers="items[].n")
T = TypeVar("T")
ID = 'a "ledger" & its id'


def spec(
    url: str, sent: Mapping[str, str] | None = None, *, write: WriteSpec = WRITE, read: ReadSpec = READ
) -> LedgerSpec:
    return LedgerSpec(name="book", kind="resource", url=url, id=ID, write=write, read=read, headers=sent or {})


def run(what: Awaitable[T]) -> T:
    async def whole() -> T:
        return await what

    return asyncio.run(whole())


def wrote(ledger: subjects.Ledger, seq: int = 7) -> tuple[str, str | None]:
    return asyncio.run(perform(lambda one: ledger.write(seq, one), 5))


def read(*pages: Any, how: ReadSpec = READ) -> list[int]:
    """Read a list whose pages come in this order, whatever is asked."""
    left = [page if isinstance(page, str) else json.dumps(page) for page in pages]
    with serving(lambda _: (200, left.pop(0))) as url:
        found = run(subjects.ledger(spec(url, read=how)).read())
    assert left == []
    return found


def test_a_write_is_sent_as_it_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "horses")
    seen: list[Request] = []

    def answers(asked: Request) -> tuple[int, str]:
        seen.append(asked)
        return 201, ""

    how = WriteSpec(method="PUT", path="/of/{ledger}/{n}", body="n={n}", acked=(201,), refused=())
    kinds = {"Authorization": "Bearer {env:A_TOKEN}", "Content-Type": "application/x-www-form-urlencoded"}
    with serving(answers) as url:
        assert wrote(subjects.ledger(spec(url))) == (ACKED, None)
        assert wrote(subjects.ledger(spec(url, kinds, write=how)), 12) == (ACKED, None)
    plain, form = seen
    assert (plain.method, plain.target, json.loads(plain.body)) == ("POST", "/things", {"of": ID, "n": 7})
    assert plain.headers["Content-Type"] == "application/json"
    assert (form.method, form.target, form.body) == ("PUT", "/of/a%20%22ledger%22%20%26%20its%20id/12", "n=12")
    assert form.headers["Authorization"] == "Bearer horses"
    assert form.headers["Content-Type"] == kinds["Content-Type"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(201, ACKED), (409, FAILED), (200, UNKNOWN), (503, UNKNOWN), (302, UNKNOWN), (404, UNKNOWN)]
)
def test_only_the_named_statuses_settle_a_write(status: int, outcome: str) -> None:
    with serving(lambda _: (status, "{}")) as url:
        assert wrote(subjects.ledger(spec(url)))[0] == outcome


def test_what_a_server_quotes_of_a_secret_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "horses")
    with serving(lambda asked: (401, f"who is {asked.headers['Authorization']}?")) as url:
        ledger = subjects.ledger(spec(url, {"Authorization": "Bearer {env:A_TOKEN}"}))
        assert wrote(ledger) == (UNKNOWN, "HTTP 401: who is Bearer ***?")
        with pytest.raises(NoAnswer, match=r"Bearer \*\*\*\?"):
            run(ledger.read())


def test_a_secret_that_is_not_set_is_one_line() -> None:
    with pytest.raises(BadInput, match="'book': the header X needs the environment variable 'NOT_SET_HERE'"):
        subjects.ledger(spec("http://x", {"X": "{env:NOT_SET_HERE}"}))
    with pytest.raises(ValueError, match="line break"):
        headers.ready({"X": "a\r\nY: b"})


def paged(onward: Any, last: Any) -> list[int]:
    """Read three pages of two numbers; `onward` and `last` are what a page, and the last, say of the next."""

    def answers(asked: Request) -> tuple[int, str]:
        query = parse_qs(urlsplit(asked.target).query)
        assert query["of"] == [ID]
        at = int(query.get("page", ["1"])[0])
        filled = json.dumps(onward).replace("URL", url).replace("NEXT", str(at + 1))
        links = json.loads(filled) if at < 3 else last
        return 200, json.dumps({"items": [{"n": 2 * at - 1}, {"n": str(2 * at)}], "links": links})

    with serving(answers) as url:
        how = ReadSpec(path=READ.path, numbers=READ.numbers, next="links.next")
        return run(subjects.ledger(spec(url, read=how)).read())


QUERY = "?of=a+%22ledger%22+%26+its+id&page="


@pytest.mark.parametrize(
    ("onward", "last"),
    [
        ({"next": f"URL/things{QUERY}NEXT"}, {"next": None}),
        ({"next": f"/things{QUERY}NEXT"}, {}),
        ({"next": f"{QUERY}NEXT"}, {"next": ""}),
    ],
)
def test_a_list_is_followed_to_its_end(onward: Any, last: Any) -> None:
    assert paged(onward, last) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("onward", "says"),
    [
        (f"/things{QUERY}1", "goes in circles"),
        ("http://elsewhere.invalid/things", "no link within the same server"),
        (2, "no link within the same server"),
        ("/a b", "is no request"),
    ],
)
def test_a_list_that_leads_astray_is_no_complete_list(onward: Any, says: str) -> None:
    with pytest.raises(NoAnswer, match=says):
        paged({"next": onward}, {})


def test_pages_are_counted_until_one_is_empty() -> None:
    asked: list[str] = []

    def answers(request: Request) -> tuple[int, str]:
        asked.append(request.target.partition("p=")[2])
        return 200, json.dumps({0: [5, 6], 1: [7]}.get(len(asked) - 1, []))

    how = ReadSpec(path="/things?of={ledger}&p={page}", numbers="[]", first_page=0)
    with serving(answers) as url:
        assert run(subjects.ledger(spec(url, read=how)).read()) == [5, 6, 7]
    assert asked == ["0", "1", "2"]


def test_a_server_that_does_not_count_pages_is_found_out() -> None:
    how = ReadSpec(path="/things?of={ledger}&p={page}", numbers="[]")
    with pytest.raises(NoAnswer, match="page 2 of the list is the same as the page before"):
        read([1, 2], [1, 2], how=how)


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("<html>", "the list is not JSON"),
        ({"rows": []}, "no 'items'"),
        ({"items": {}}, "no list where"),
        ({"items": [{"n": 1}, {}]}, "no 'n'"),
        ({"items": [{"n": 1.5}]}, "1.5 for a number"),
        ({"items": [{"n": True}]}, "True for a number"),
        ({"items": [{"n": "seven"}]}, "'seven' for a number"),
    ],
)
def test_an_answer_of_another_shape_is_no_complete_list(page: Any, says: str) -> None:
    with pytest.raises(NoAnswer, match=says):
        read(page)


@pytest.mark.parametrize(
    ("way", "page", "found"),
    [
        ("[]", [1, 2], [1, 2]),
        ("a[].b[].n", {"a": [{"b": [{"n": 1}, {"n": 2}]}, {"b": []}, {"b": [{"n": 3}]}]}, [1, 2, 3]),
        ("a[]", {"a": None}, []),
        ("[][]", [[1], [2, 3]], [1, 2, 3]),
        ("a.b", {"a": {"b": 4}}, [4]),
    ],
)
def test_a_way_through_json(way: str, page: Any, found: list[int]) -> None:
    assert resource.values(page, numbers.steps(way)) == found


@pytest.mark.parametrize("way", ["", ".", "a.", ".a", "a..b", "a[0]", "a[", "a[]b", "$.a", "a b"])
def test_no_way_through_json(way: str) -> None:
    if way == "$.a":  # a key may be called anything that has no dot and no bracket in it
        assert numbers.steps(way) == ("$", "a")
        return
    with pytest.raises(ValueError, match="write keys with dots between them"):
        numbers.steps(way)


GOOD = """
name = "mine"
[components.api]
kind = "http"
severity = "p1"
rto = "15 min"
rpo = "5 min"
[components.api.ledger]
kind = "resource"
at = "api"
headers = { Authorization = "Bearer {env:TOKEN}" }
[components.api.ledger.write]
path = "/things/{ledger}"
body = '{"n": {n}}'
[components.api.ledger.read]
path = "/things/{ledger}"
numbers = "items[].n"
"""


def load(folder: Path, text: str) -> systems.System:
    (folder / "mine.toml").write_text(text)
    return systems.load(str(folder / "mine.toml"))


def test_a_system_describes_its_resource(tmp_path: Path) -> None:
    ledger = load(tmp_path, GOOD).component("api").ledger
    assert ledger
    assert ledger.write
    assert ledger.write.method == "POST"
    assert 201 in ledger.write.acked
    assert 409 in ledger.write.refused
    assert 503 not in ledger.write.refused


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "resource"', 'kind = "rows"', "ledger.kind = 'rows'.*'resource'"),
        ('kind = "resource"', 'kind = "s3"', "api.ledger: write, read and headers are for kind = 'resource', not 's3'"),
        ('[components.api.ledger.read]\npath = "/things/{ledger}"\nnumbers = "items[].n"', "", "needs `write` and `r"),
        ("""body = '{"n": {n}}'""", "", r"ledger.write: neither path nor body has \{n\}"),
        ('"/things/{ledger}"\nbody', '"/things"\nbody', r"ledger.write: neither path nor body has \{ledger\}"),
        ('"/things/{ledger}"\nnum', '"/things"\nnum', r"ledger.read: path has no \{ledger\}"),
        ('"/things/{ledger}"\nnum', '"things/{ledger}"\nnum', "read.path = 'things/{ledger}': a path begins with /"),
        ('"/things/{ledger}"\nnum', '"/things/{ledger}?p={p}"\nnum', r"read.path = .*\{p\} means nothing there"),
        ('"items[].n"', '"items[0].n"', r"read.numbers = 'items\[0\].n': that is no way through JSON"),
        ('"items[].n"', '"items[].n"\nnext = "a..b"', "read.next = 'a..b'"),
        ("numbers =", "nubmers =", r"read.nubmers = .*no such key.*path, numbers, next, first_page"),
        ("body =", 'method = "GET"\nbody =', "write.method = 'GET'.*'POST'"),
        ("body =", "acked = [200, 409]\nbody =", "write: status 409 is both acked and refused"),
        ("body =", "acked = ['2xx']\nbody =", "write.acked.0 = '2xx'"),
        ('"Bearer {env:TOKEN}"', '"Bearer horses"', r"Authorization is a secret: keep it in the environment"),
    ],
)
def test_a_wrong_description_is_one_sentence(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=says) as told:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert "\n" not in str(told.value)
    assert "horses" not in str(told.value)


def test_no_request_leaves_before_it_is_marked_as_sent() -> None:
    one = attempt.Attempt()
    with pytest.raises(OSError, match="Connect call failed"):
        run(subjects.ledger(spec("http://127.0.0.1:1")).write(1, one))
    assert not one.sent
