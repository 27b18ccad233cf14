"""Errors that a link answers in the place of an HTTP server, as real clients see them."""

import asyncio
import http.client
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from targets.lab.answers import Answerer
from targets.rules import Rule
from tests.test_links import HOST, Scene, Yard, play, until

__all__ = ["play"]
SERVED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def errors(status: int = 503) -> Rule:
    return Rule(id="errors", sources=("*",), destinations=("server-a",), mode="errors", status=status)


async def web(yard: Yard) -> int:
    """Serve a request without a body at a time, each answer a little late, keeping connections."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                yard.got.append(await reader.readuntil(b"\r\n\r\n"))
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            await asyncio.sleep(0.1)
            writer.write(SERVED)
        writer.close()

    path = str(yard.folder / "web.sock")
    yard.servers["web"] = await asyncio.start_unix_server(answer, path)
    return await yard.links.add("web", {"server-a": path}, HOST)


def ask(
    connection: http.client.HTTPConnection, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, bytes]:
    connection.request(method, "/x", body=body, headers=headers, encode_chunked=bool(headers))
    with connection.getresponse() as answer:
        return answer.status, answer.read()


def calling(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(HOST, port, timeout=5)


def test_old_and_new_connections_get_a_framed_error_and_the_server_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await web(yard)
        kept, new = calling(port), calling(port)
        assert await asyncio.to_thread(ask, kept) == (200, b"ok")
        yard.links.cut(errors())
        status, body = await asyncio.to_thread(ask, kept)
        assert (status, b"<Code>ServiceUnavailable</Code>" in body) == (503, True)
        assert (await asyncio.to_thread(ask, new, "PUT", bytes(1 << 20)))[0] == 503
        assert await asyncio.to_thread(ask, new, "HEAD") == (503, b"")
        chunks: Iterator[bytes] = iter([b"one", bytes(100_000), b"two"])
        chunked = {"Transfer-Encoding": "chunked"}
        assert (await asyncio.to_thread(lambda: ask(new, "PUT", chunks, **chunked)))[0] == 503
        assert len(yard.got) == 1
        yard.links.uncut("errors")
        assert await asyncio.to_thread(ask, kept) == (200, b"ok")
        await asyncio.to_thread(kept.close)
        await asyncio.to_thread(new.close)

    play(scene)


def test_a_request_that_the_server_has_is_the_servers(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        kept = calling(await web(yard))
        asked = asyncio.ensure_future(asyncio.to_thread(ask, kept))
        await until(lambda: bool(yard.got))
        yard.links.cut(errors())
        assert await asked == (200, b"ok")
        assert (await asyncio.to_thread(ask, kept))[0] == 503
        await asyncio.to_thread(kept.close)

    play(scene)


def test_errors_come_delayed(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        kept = calling(await web(yard))
        await asyncio.to_thread(ask, kept)
        yard.links.cut(errors())
        yard.links.cut(Rule(id="slow", sources=("*",), destinations=("server-a",), mode="delay", seconds=0.2))
        began = time.monotonic()
        assert (await asyncio.to_thread(ask, kept))[0] == 503
        assert 0.4 <= time.monotonic() - began < 0.8
        await asyncio.to_thread(kept.close)

    play(scene)


def test_a_backend_that_is_dead_still_answers_errors(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await yard.links.add("web", {"server-a": str(yard.folder / "nobody.sock")}, HOST)
        yard.links.cut(errors(500))
        assert (await asyncio.to_thread(ask, calling(port)))[0] == 500
        idle, _ = await yard.call(port)
        yard.links.uncut("errors")
        with pytest.raises(ConnectionResetError):
            await idle.read(1)

    play(scene)


def test_an_s3_client_sees_an_http_error(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await web(yard)
        yard.links.cut(errors())
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})  # type: ignore[no-untyped-call]
        client = boto3.client(  # type: ignore[no-untyped-call]
            "s3",
            endpoint_url=f"http://{HOST}:{port}",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            region_name="us-east-1",
            config=config,
        )
        for body in (b"small", bytes(3 << 20), io.BytesIO(bytes(1 << 20))):  # the last one expects a 100 Continue
            with pytest.raises(ClientError) as refused:
                await asyncio.to_thread(client.put_object, Bucket="lab", Key="k", Body=body)
            error: Any = refused.value.response
            assert error["ResponseMetadata"]["HTTPStatusCode"] == 503
            assert error["Error"]["Code"] == "ServiceUnavailable"
        client.close()
        assert yard.got == []

    play(scene)


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_request_is_read_to_its_end_however_it_is_cut_up(step: int) -> None:
    head = b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    for request in (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PUT /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nab\r\n\r",
        head + b"5;x=y\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
        head + b"0\r\nx-trailer: 1\r\n\r\n",
    ):
        reader = Answerer(503)
        parts = [request[at : at + step] for at in range(0, len(request), step)]
        replies = [reader.feed(part) for part in parts]
        assert not any(replies[:-1])
        assert replies[-1].startswith(b"HTTP/1.1 503 Service Unavailable\r\n")


def test_what_is_no_http_is_answered_all_the_same() -> None:
    assert Answerer(500).feed(bytes(1 << 17)).startswith(b"HTTP/1.1 500 ")
    assert Answerer(599).feed(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n").startswith(b"HTTP/1.1 599 Error\r\n")
