"""An S3 store, asked directly, without the application.

The stream lists at most one object: it needs no right to write.  The ledger puts one object a number under a prefix
of its own, "drillyard/ledger/<id>/", and lists them all in the end; they stay there.
"""

from urllib.parse import unquote
from xml.etree import ElementTree as ET

from probes.attempt import Attempt, NoAnswer, Refusal
from probes.spec import LedgerSpec, StreamSpec
from probes.subjects import Ledger, Request
from probes.wire.http import Answer, exchange
from probes.wire.s3 import Bucket, bucket, call

LIST = {"list-type": "2", "encoding-type": "url"}
UNDONE = ("SlowDown",)  # a 5xx with such a code was turned away before anything was done


def stream(spec: StreamSpec) -> Request:
    """List at most one object of the bucket at `url`."""
    at = bucket(spec.url)

    async def request(attempt: Attempt) -> None:
        whole(await exchange(call(at, "GET", query={**LIST, "max-keys": "1"}), attempt))

    return request


def ledger(spec: LedgerSpec) -> Ledger:
    """Put numbered objects into the bucket at `url`."""
    at = bucket(spec.url)
    prefix = f"drillyard/ledger/{spec.id}/"

    async def write(seq: int, attempt: Attempt) -> None:
        judge(await exchange(call(at, "PUT", f"{prefix}{seq:08d}", body=_body(seq)), attempt))

    async def read() -> list[int]:
        return await _all(at, prefix)

    return Ledger(write=write, read=read)


def _body(seq: int) -> str:
    return f"{seq}\n"


async def _all(at: Bucket, prefix: str) -> list[int]:
    """List every whole object under the prefix, page by page."""
    found: list[int] = []
    query = {**LIST, "prefix": prefix}
    while True:
        page = whole(await exchange(call(at, "GET", query=query), Attempt()))
        found += [seq for entry in page.iterfind("Contents") if (seq := _number(entry, prefix)) is not None]
        if page.findtext("IsTruncated") != "true":
            return found
        token = page.findtext("NextContinuationToken")
        if not token or token == query.get("continuation-token"):
            raise NoAnswer("the list goes on, and does not say where")
        query["continuation-token"] = token


def _number(entry: ET.Element, prefix: str) -> int | None:
    """Read a list's entry; None for an object that is not whole. NoAnswer for a key that is no number."""
    key = unquote(entry.findtext("Key") or "").removeprefix(prefix)
    if not key.isdecimal():
        raise NoAnswer(f"the object {key[:40]!r} under {prefix!r} is none of this ledger's")
    return int(key) if entry.findtext("Size") == str(len(_body(int(key)))) else None


def whole(answer: Answer) -> ET.Element:
    """Give a list's XML, without its namespace. NoAnswer when it is anything else."""
    if answer.status != 200:
        raise NoAnswer(_told(answer))
    try:
        # expat refuses documents that blow up, and reads nothing from outside
        root = ET.fromstring(answer.body)  # noqa: S314
    except ET.ParseError as error:
        raise NoAnswer(f"HTTP 200, but not XML: {error}") from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "ListBucketResult" or root.find("IsTruncated") is None:
        raise NoAnswer(f"HTTP 200, but no list of objects: {root.tag}")
    return root


def judge(answer: Answer) -> None:
    """Return when the object is confirmed, raise Refusal when it is certain that it was not taken."""
    if answer.status == 200:
        return
    told = _told(answer)
    if 400 <= answer.status < 500 or any(f"<Code>{code}</Code>".encode() in answer.body for code in UNDONE):
        raise Refusal(told)
    raise NoAnswer(told)


def _told(answer: Answer) -> str:
    body = answer.body.decode(errors="replace")
    code, _, rest = body.partition("<Code>")[2].partition("</Code>")
    message = rest.partition("<Message>")[2].partition("</Message>")[0]
    return f"HTTP {answer.status}: {f'{code}: {message}'[:120] if code else body[:80]}"
