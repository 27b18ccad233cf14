"""Reads one HTTP/1.1 request to its end and answers it with an error, instead of a server. Standard library only.

Read to its end, because a client that is still sending its body when the connection closes sees a reset, not the
answer.  The answer closes the connection: the next request comes on a new one, and finds whatever is true then.
"""

from collections.abc import Generator
from http import HTTPStatus

Reading = Generator[None, bytes, None]
_HEAD_MOST = 1 << 16


class Answerer:
    """Takes a request bit by bit."""

    def __init__(self, status: int) -> None:
        self._status = status
        self._buffer = bytearray()
        self._method = ""
        self._answered = False
        self._reading = self._request()
        next(self._reading)

    def feed(self, data: bytes) -> bytes:
        """Take more of the request; the whole answer when that was its end, else nothing, nor ever after."""
        if self._answered:
            return b""
        try:
            self._reading.send(data)
        except (StopIteration, ValueError):  # whole, or no HTTP at all: an error is the answer to that, too
            self._answered = True
            return answer(self._status, head=self._method == "HEAD")
        return b""

    def _request(self) -> Reading:
        line, *lines = (yield from self._until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self._method = line.partition(" ")[0]
        headers = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in lines)}
        if "expect" in headers:
            return  # the client waits for leave to send its body, and gets the answer instead
        if headers.get("transfer-encoding", "").lower().endswith("chunked"):
            yield from self._chunks()
        else:
            yield from self._skip(int(headers.get("content-length", "0")))

    def _chunks(self) -> Reading:
        while size := int((yield from self._until(b"\r\n")).partition(b";")[0], 16):
            yield from self._skip(size + 2)
        while (yield from self._until(b"\r\n")):
            pass  # a trailer

    def _until(self, end: bytes) -> Generator[None, bytes, bytes]:
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > _HEAD_MOST:
                raise ValueError("this is no HTTP")
            self._buffer += yield
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _skip(self, size: int) -> Reading:
        while len(self._buffer) < size:
            size -= len(self._buffer)
            self._buffer.clear()
            self._buffer += yield
        del self._buffer[:size]


def answer(status: int, *, head: bool) -> bytes:
    """Write an error as S3 stores do, in XML; callers of other services look at the status."""
    says = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
    body = f"<?xml version='1.0' encoding='UTF-8'?>\n<Error><Code>{says.replace(' ', '')}</Code>"
    body += f"<Message>{says}</Message></Error>"
    lines = (
        f"HTTP/1.1 {status} {says}",
        "Content-Type: application/xml",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + ("" if head else body)).encode()
