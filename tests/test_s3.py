"""The S3 stream and ledger: signatures as botocore makes them, and the odd answers. The lab is in test_by_hand.py."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import example, given
from hypothesis import strategies as st

from probes import subjects
from probes.attempt import ACKED, FAILED, UNKNOWN, Attempt, NoAnswer, perform
from probes.spec import LedgerSpec, StreamSpec
from probes.wire import s3
from targets.target import BadInput
from tests.scripted import Answers, Request, serving

T = TypeVar("T")
ID = "a ledger & its id"
PREFIX = f"drillyard/ledger/{ID}/"


def run(what: Awaitable[T]) -> T:
    async def whole() -> T:
        return await what

    return asyncio.run(whole())


def bucket(url: str) -> str:
    return url.replace("http://", "http://ada:horses@") + "/things"


def ledger(url: str) -> subjects.Ledger:
    return subjects.ledger(LedgerSpec(name="book", kind="s3", url=bucket(url), id=ID))


text = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), min_size=1, max_size=12)


@given(text, text, st.dictionaries(text, text, max_size=3), st.sampled_from(["", "token/+="]))
@example("a b+c%/~é", "s/e+c", {"prefix": "a/b c&=", "list-type": "2"}, "")
@example("a", "s", {"a": "1", "a-b": "2"}, "token")
def test_a_signature_is_the_one_botocore_makes(key: str, secret: str, query: dict[str, str], token: str) -> None:
    at = s3.Bucket(root="http://h.example:90", name="b", region="eu-x-1", key="K", secret=secret, token=token)
    path = "/b/" + quote(key, safe="/-_.~")
    asked = s3.query_string(query)
    url = f"{at.root}{path}?{asked}" if asked else f"{at.root}{path}"
    request = AWSRequest("PUT", url, data="7\n")  # type: ignore[no-untyped-call]
    who = Credentials("K", secret, token or None)  # type: ignore[no-untyped-call]
    S3SigV4Auth(who, "s3", "eu-x-1").add_auth(request)  # type: ignore[no-untyped-call]
    stamped = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    mine = s3.signed(at, "PUT", path, asked, "7\n", now=stamped)
    assert mine == {name: request.headers[name] for name in mine}


def test_a_bucket_is_read_from_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    at = s3.bucket("s3+https://K:s%2Fx@store.example/b?region=eu-1")
    assert (at.root, at.name, at.key, at.secret, at.region) == ("https://store.example", "b", "K", "s/x", "eu-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "E")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "F")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "G")
    at = s3.bucket("http://store.example:9/b")
    assert (at.key, at.secret, at.token, at.region) == ("E", "F", "G", "us-east-1")


@pytest.mark.parametrize("url", ["http://K:secretive@h", "ftp://K:secretive@h/b", "http://K:secretive@h/b/c"])
def test_a_bad_url_is_one_line_without_its_secret(url: str) -> None:
    with pytest.raises(BadInput, match="give http://KEY:SECRET@HOST:PORT/BUCKET") as told:
        subjects.stream(StreamSpec(name="x", kind="s3", url=url))
    assert "secretive" not in str(told.value)


def error(code: str) -> str:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>said so</Message></Error>"


@pytest.mark.parametrize(
    ("status", "body", "outcome", "told"),
    [
        (200, "", ACKED, None),
        (403, error("AccessDenied"), FAILED, "HTTP 403: AccessDenied: said so"),
        (404, error("NoSuchBucket"), FAILED, "HTTP 404: NoSuchBucket: said so"),
        (503, error("SlowDown"), FAILED, "HTTP 503: SlowDown: said so"),
        (503, "<html>no backend</html>", UNKNOWN, "HTTP 503: <html>no backend</html>"),
        (500, error("InternalError"), UNKNOWN, "HTTP 500: InternalError: said so"),
        (307, "", UNKNOWN, "HTTP 307: "),
    ],
)
def test_a_put_is_what_the_answer_proves(status: int, body: str, outcome: str, told: str | None) -> None:
    seen: list[Request] = []

    def answers(asked: Request) -> tuple[int, str]:
        seen.append(asked)
        return status, body

    with serving(answers) as url:
        found = run(perform(lambda attempt: ledger(url).write(7, attempt), 5))
    assert found == (outcome, told.strip() if told else told)
    assert (seen[0].method, seen[0].target, seen[0].body) == ("PUT", "/things/" + quote(f"{PREFIX}00000007"), "7\n")
    assert seen[0].headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ada/")
    assert "horses" not in str(seen[0])


def page(entries: list[tuple[str, int]], onward: str = "", *, truncated: bool | None = None) -> str:
    rows = "".join(f"<Contents><Key>{quote(key)}</Key><Size>{size}</Size></Contents>" for key, size in entries)
    more = bool(onward) if truncated is None else truncated
    token = f"<NextContinuationToken>{onward}</NextContinuationToken>" if onward else ""
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"{rows}<IsTruncated>{str(more).lower()}</IsTruncated>{token}</ListBucketResult>"
    )


def listing(pages: dict[str, str]) -> Answers:
    """Serve the pages by the continuation token that is asked for."""

    def answers(asked: Request) -> tuple[int, str]:
        query = parse_qs(urlsplit(asked.target).query)
        assert query["prefix"] == [PREFIX]
        return 200, pages[query.get("continuation-token", [""])[0]]

    return answers


def objects(*seqs: int) -> list[tuple[str, int]]:
    return [(f"{PREFIX}{seq:08}", len(f"{seq}\n")) for seq in seqs]


def test_all_pages_are_listed() -> None:
    pages = {"": page(objects(1, 2), "a+b/="), "a+b/=": page(objects(3), "c"), "c": page(objects(12))}
    with serving(listing(pages)) as url:
        assert run(ledger(url).read()) == [1, 2, 3, 12]


def test_an_object_that_is_not_whole_is_not_there() -> None:
    torn = [*objects(1), (f"{PREFIX}00000002", 0), *objects(3)]
    with serving(listing({"": page(torn)})) as url:
        assert run(ledger(url).read()) == [1, 3]


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ({"": page(objects(1), truncated=True)}, "does not say where"),
        ({"": page(objects(1), "a"), "a": page(objects(2), "a")}, "does not say where"),
        ({"": page([(f"{PREFIX}mine.txt", 2)])}, "'mine.txt'.* is none of this ledger's"),
        ({"": "<html/>"}, "no list of objects: html"),
        ({"": "<ListBucketResult/>"}, "no list of objects"),
        ({"": page(objects(1))[:-9]}, "not XML"),
    ],
)
def test_a_list_that_is_not_whole_is_no_final_read(pages: dict[str, str], says: str) -> None:
    with serving(listing(pages)) as url, pytest.raises(NoAnswer, match=says):
        run(ledger(url).read())


@pytest.mark.parametrize(
    ("status", "body", "served"),
    [(200, page([]), True), (403, error("AccessDenied"), False), (200, "", False), (503, error("SlowDown"), False)],
)
def test_the_stream_lists_one_object(status: int, body: str, *, served: bool) -> None:
    with serving(lambda asked: (status if "max-keys=1" in asked.target else 400, body)) as url:
        request = subjects.stream(StreamSpec(name="x", kind="s3", url=bucket(url)))
        assert (run(perform(request, 5))[0] == ACKED) == served


def test_nobody_home_is_a_write_that_certainly_was_not_made() -> None:
    one = Attempt()
    with pytest.raises(OSError, match="Connect call failed"):
        run(ledger("http://127.0.0.1:1").write(1, one))
    assert not one.sent
