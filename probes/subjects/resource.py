"""Any HTTP resource, as a system's file describes it: loss measured through the customer's own API.

    write   method, path and body of number {n} of {ledger}; the statuses `acked` and `refused` settle what became of
            it, every other answer settles nothing
    read    path, and where in the JSON the numbers are; page by page, by the link at `next` or by counting {page} up

Secrets stand in the environment, and are named in `headers` as {env:NAME}; they are in no record and no message.
"""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from probes import headers
from probes.attempt import Attempt, NoAnswer, Refusal
from probes.headers import Headers
from probes.spec import LedgerSpec, ReadSpec, WriteSpec
from probes.subjects import Ledger
from probes.wire.http import Answer, Call, exchange, prepare
from targets import numbers


def ledger(spec: LedgerSpec) -> Ledger:
    """Write and list through the API at `url` (its root)."""
    how, listing = spec.write, spec.read
    if how is None or listing is None:
        raise ValueError("a resource needs `write` and `read`")
    root, sent = spec.url.rstrip("/"), headers.ready(spec.headers)
    path = root + filled(how.path, ledger=quote(spec.id, safe=""))
    body = None if how.body is None else filled(how.body, ledger=json.dumps(spec.id)[1:-1])
    start = root + filled(listing.path, ledger=quote(spec.id, safe=""))
    way = numbers.steps(listing.numbers)

    def call(seq: int) -> Call:
        text = None if body is None else filled(body, n=str(seq))
        return prepare(filled(path, n=str(seq)), how.method, text, sent.sent)

    async def write(seq: int, attempt: Attempt) -> None:
        judge(await exchange(call(seq), attempt), how, sent)

    async def read() -> list[int]:
        return [number(one) async for page in _pages(start, listing, sent) for one in values(page, way)]

    call(1)  # what cannot be sent is told now
    return Ledger(write=write, read=read)


def filled(template: str, **values: str) -> str:
    """Put values in the places of a template; other braces stay as they are, for JSON is full of them."""
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def judge(answer: Answer, how: WriteSpec, sent: Headers) -> None:
    """Return when the write is confirmed, raise Refusal when it is certain that it was not made."""
    if answer.status in how.acked:
        return
    raise (Refusal if answer.status in how.refused else NoAnswer)(_told(answer, sent))


def _told(answer: Answer, sent: Headers) -> str:
    return sent.hide(f"HTTP {answer.status}: {answer.body.decode(errors='replace')[:2000]}")[:100]


def _pages(start: str, how: ReadSpec, sent: Headers) -> AsyncIterator[Any]:
    return _counted(start, how, sent) if "{page}" in how.path else _linked(start, how, sent)


async def _counted(start: str, how: ReadSpec, sent: Headers) -> AsyncIterator[Any]:
    """Count pages up to the first that has no numbers."""
    way = numbers.steps(how.numbers)
    last: list[Any] = []
    for at in itertools.count(how.first_page):
        page = await _get(filled(start, page=str(at)), sent)
        shown = values(page, way)
        if not shown:
            return
        if shown == last:
            raise NoAnswer(f"page {at} of the list is the same as the page before: does the server know {{page}}?")
        last = shown
        yield page


async def _linked(start: str, how: ReadSpec, sent: Headers) -> AsyncIterator[Any]:
    """Follow the links; null, "" or none at all is the end."""
    url, seen = start, {start}
    while True:
        page = await _get(url, sent)
        yield page
        link = _next(page, how)
        if not link:
            return
        url = _link(url, link)
        if url in seen:
            raise NoAnswer(f"the list goes in circles: {how.next} names a page that was shown before")
        seen.add(url)


def _next(page: Any, how: ReadSpec) -> Any:
    try:
        found = values(page, numbers.steps(how.next)) if how.next else []
    except NoAnswer:  # many servers leave it out on the last page
        return None
    return found[0] if found else None


def _link(here: str, value: object) -> str:
    """Follow a link; never to another server, which would get the headers with their secrets."""
    url = urljoin(here, value) if isinstance(value, str) else ""
    if urlsplit(url)[:2] != urlsplit(here)[:2]:
        raise NoAnswer(f"the list's next page is at {str(value)[:60]!r}, which is no link within the same server")
    return url


async def _get(url: str, sent: Headers) -> Any:
    try:
        answer = await exchange(prepare(url, headers=sent.sent), Attempt())
    except ValueError as error:  # a link that is no URL
        raise NoAnswer(str(error)) from None
    if answer.status != 200:
        raise NoAnswer(_told(answer, sent))
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise NoAnswer(f"the list is not JSON: {error}") from None


def values(page: Any, way: tuple[str, ...]) -> list[Any]:
    """Follow a way through JSON to all that lies at its end; null is an empty list. NoAnswer where it leads nowhere."""
    found = [page]
    for step in way:
        if step == numbers.EACH:
            lists = [one for one in found if one is not None]
            if not all(isinstance(one, list) for one in lists):
                raise NoAnswer(f"the answer has no list where {''.join(way)!r} expects one")
            found = [inner for one in lists for inner in one]
        else:
            if not all(isinstance(one, dict) and step in one for one in found):
                raise NoAnswer(f"the answer has no {step!r} where it was expected")
            found = [one[step] for one in found]
    return found


def number(value: object) -> int:
    """Read a number, also from text. NoAnswer when it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    raise NoAnswer(f"the list has {value!r} for a number")
