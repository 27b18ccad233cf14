"""Callers on slow lines, more than the API has room for: `python -I -S flood.py SECONDS callers=N`.

Each sends an order a byte a second, so that its request keeps its room; one that is refused tries again.  They come
through the front door, as all callers do, and end by themselves.
"""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

LENGTH = 100_000  # bytes that each promises to send
BYTE_EVERY_S = 1.0
AGAIN_AFTER_S = 0.5
HEAD = f"POST /orders HTTP/1.1\r\nHost: lab\r\nContent-Type: application/json\r\nContent-Length: {LENGTH}\r\n\r\n"


async def call_slowly(host: str, port: int) -> None:
    """Send one order, byte by byte, until the service answers or ends the connection."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(HEAD.encode())
        answered = asyncio.ensure_future(reader.read(1))
        while not (await asyncio.wait({answered}, timeout=BYTE_EVERY_S))[0]:
            writer.write(b" ")
        with suppress(OSError):
            answered.result()
    finally:
        writer.transport.abort()


async def keep_calling(host: str, port: int) -> None:
    """Be one caller who does not give up."""
    while True:
        with suppress(OSError):
            await call_slowly(host, port)
        await asyncio.sleep(AGAIN_AFTER_S)


async def flood(seconds: float, callers: int, door: str) -> None:
    """Let so many callers call until the time is over."""
    host, _, port = door.rpartition(":")
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(keep_calling(host, int(port)) for _ in range(callers)))


if __name__ == "__main__":
    front = json.loads(Path("node.json").read_text())["doors"]["api"]
    asyncio.run(flood(float(sys.argv[1]), int(dict(word.split("=") for word in sys.argv[2:])["callers"]), front))
