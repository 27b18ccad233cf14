"""A request without a task comes to what the same request comes to with one."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from probes.attempt import FAILURES, Attempt
from probes.sampler import Deadlines
from probes.wire import quick
from probes.wire.http import Answer, Call, exchange, prepare
from tests.outages import free_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RESET = "a reset"
Came = Answer | BaseException

ANSWERS: dict[str, list[bytes | str]] = {
    "whole": [OK],
    "in two pieces": [OK[:20], OK[20:]],
    "byte by byte": [bytes([byte]) for byte in OK],
    "more than was said": [OK + b"!"],
    "cut in the body": [OK[:-1]],
    "cut in the head": [OK[:20]],
    "nothing": [],
    "reset at once": [RESET],
    "reset in the middle": [OK[:-1], RESET],
    "chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    "chunks cut": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"],
    "until the end": [b"HTTP/1.0 200 OK\r\n\r\nok", b"ok"],
    "go on first": [b"HTTP/1.1 100 Continue\r\n\r\n" + OK],
    "no content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "an error": [b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\ndown"],
    "no HTTP": [b"220 smtp ready\r\n\r\n"],
    "no number": [b"HTTP/1.1 twice OK\r\nContent-Length: 2\r\n\r\nok"],
    "odd length": [b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok"],
    "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\ncontent-length: 2\r\n\r\nok"],
    "four digits": [b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"],
}


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served_by(handler: Handler, method: str = "GET", body: str | None = None) -> AsyncIterator[Call]:
    """Serve, and leave no connection open."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await handler(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield prepare(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", method, body)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


def answering(answer: Sequence[bytes | str]) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in answer:
            if isinstance(part, str):
                await asyncio.sleep(0.01)  # what came before it is delivered
                kernel = writer.get_extra_info("socket")
                kernel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return
            writer.write(part)
            await asyncio.sleep(0.001)
        writer.close()

    return serve


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(1)


async def with_a_task(call: Call, attempt: Attempt) -> Came:
    try:
        return await asyncio.wait_for(exchange(call, attempt), 5)
    except FAILURES as failure:
        return failure


async def without(call: Call, attempt: Attempt) -> Came:
    landed: asyncio.Future[Came] = asyncio.get_running_loop().create_future()
    flight = quick.Flight(call, attempt, landed.set_result)
    came = await asyncio.wait_for(landed, 5)
    assert flight.over
    flight.give_up()  # changes nothing any more: the future would refuse a second result
    return came


def told(came: Came) -> object:
    return came if isinstance(came, Answer) else (type(came), str(came))


@pytest.mark.parametrize("name", ANSWERS)
def test_both_ways_come_to_the_same(name: str) -> None:
    async def ask() -> tuple[object, ...]:
        async with served_by(answering(ANSWERS[name])) as call:
            attempts = Attempt(), Attempt()
            came = told(await with_a_task(call, attempts[0])), told(await without(call, attempts[1]))
        return (*came, *(attempt.sent for attempt in attempts))

    one, other, sent, sent_too = asyncio.run(ask())
    assert one == other
    assert sent
    assert sent_too


def test_a_closed_door_is_told_the_same_and_nothing_was_sent() -> None:
    async def ask() -> tuple[Came, Came, Attempt]:
        call, attempt = prepare(f"http://127.0.0.1:{free_port()}/"), Attempt()
        return await with_a_task(call, Attempt()), await without(call, attempt), attempt

    one, other, attempt = asyncio.run(ask())
    assert isinstance(other, ConnectionRefusedError)
    assert told(one) == told(other)
    assert not attempt.sent


def test_a_request_too_long_for_the_kernel_leaves_in_pieces() -> None:
    async def ask() -> tuple[Came, int]:
        got = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal got
            await asyncio.sleep(0.05)  # until everything between is full
            await reader.readuntil(b"\r\n\r\n")
            got = len(await reader.readexactly(20_000_000))
            writer.write(OK)
            writer.close()

        async with served_by(serve, "POST", "x" * 20_000_000) as call:
            return await without(call, Attempt()), got

    assert asyncio.run(ask()) == (Answer(200, b"ok"), 20_000_000)


def test_a_silent_server_costs_its_time_and_no_more() -> None:
    async def ask() -> tuple[list[float], int]:
        ended: list[float] = []
        async with served_by(silent) as call:
            deadlines, began = Deadlines(), time.monotonic()
            for key in range(3):
                flight = quick.Flight(call, Attempt(), lambda _: ended.append(time.monotonic() - began))
                deadlines.add(key, flight, time.monotonic_ns() + 100_000_000)
            await asyncio.sleep(0.5)
        return ended, len(quick.reactor()._flights)

    ended, left = asyncio.run(ask())
    assert len(ended) == 3
    assert min(ended) >= 0.1
    assert left == 0


def test_giving_up_on_half_an_answer_closes_the_connection() -> None:
    async def ask() -> list[Came]:
        came: list[Came] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(OK[:-1])
            await reader.read()  # the request, until the caller has gone
            came.append(Answer(0, b""))

        async with served_by(serve) as call:
            flight = quick.Flight(call, Attempt(), came.append)
            await asyncio.sleep(0.1)
            assert not came
            flight.give_up()
            await asyncio.sleep(0.1)
        return came

    first, second = asyncio.run(ask())
    assert isinstance(first, TimeoutError)
    assert second == Answer(0, b"")


@pytest.mark.parametrize(
    ("url", "able"),
    [
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost:1", False),
        ("https://127.0.0.1", False),
    ],
)
def test_names_and_tls_take_the_other_way(url: str, able: bool) -> None:
    assert quick.able(prepare(url)) == able


def test_what_is_not_simple_is_not_taken_for_it() -> None:
    assert quick.simple(OK, "GET") == Answer(200, b"ok")
    assert quick.simple(OK, "HEAD") is None
    assert quick.simple(OK[:-1], "GET") is None
    assert quick.simple(b"", "GET") is None
