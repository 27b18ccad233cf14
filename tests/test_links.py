"""The links, over real sockets: a server on a Unix socket, a door in front of it, callers through TCP."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from targets.lab import processes
from targets.lab.links import Links
from targets.rules import Rule

HOST = "127.0.0.1"
ANSWER_S = 10.0
SILENCE_S = 0.2  # long against the 0.1 ms that an answer takes
EVERYBODY = Rule(id="cut", sources=("*",), destinations=("server-a",), mode="drop")
REFUSING = Rule(id="cut", sources=("*",), destinations=("server-a",), mode="reject")
Scene = Callable[["Yard"], Awaitable[None]]


class Yard:
    """Servers that answer each line with their name and the line, and keep what they got."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links = Links(folder)
        self.got: list[bytes] = []
        self.callers: list[asyncio.StreamWriter] = []
        self.servers: dict[str, asyncio.Server] = {}

    async def serve(self, name: str) -> str:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while line := await reader.readline():
                    self.got.append(line)
                    writer.write(name.encode() + b" " + line)
                    await writer.drain()
                writer.write(b"bye\n")  # a server's last word after the caller's end of file
            writer.close()

        path = str(self.folder / f"{name}.sock")
        self.servers[name] = await asyncio.start_unix_server(answer, path)
        return path

    async def call(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(HOST, port)
        self.callers.append(writer)
        return reader, writer

    async def close(self) -> None:
        for writer in self.callers:
            writer.transport.abort()
        await self.links.close()
        for server in self.servers.values():
            server.close()
        while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  the servers' answers end with their connections
            await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        async def whole() -> None:
            async with asyncio.timeout(3 * ANSWER_S):
                yard = Yard(tmp_path)
                try:
                    await scene(yard)
                finally:
                    await yard.close()

        asyncio.run(whole())

    return run


async def door(yard: Yard, *names: str) -> int:
    return await yard.links.add("door", {name: await yard.serve(name) for name in names or ("server-a",)}, HOST)


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    writer.write(text + b"\n")
    return await asyncio.wait_for(reader.readline(), ANSWER_S)


async def is_silent(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), SILENCE_S)
    except TimeoutError:
        return True
    return False


def test_a_link_passes_both_ways_and_half_closes(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await door(yard))
        assert await asked(reader, writer, b"one") == b"server-a one\n"
        writer.write_eof()
        assert await reader.read() == b"bye\n"  # the answer to our end of file still arrives

    play(scene)


def test_a_dropped_link_is_silent_and_delivers_after_the_heal(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await door(yard))
        await asked(reader, writer, b"before")
        yard.links.cut(EVERYBODY)
        yard.links.cut(EVERYBODY)  # again is the same as once
        writer.write(b"held 1\nheld 2\n")
        assert await is_silent(reader)
        assert yard.got == [b"before\n"]
        yard.links.uncut("cut")
        assert await reader.readline() == b"server-a held 1\n"
        assert await reader.readline() == b"server-a held 2\n"
        assert yard.links.cuts() == []

    play(scene)


def test_the_end_of_a_server_does_not_pass_a_dropped_link(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await door(yard))
        await asked(reader, writer, b"before")
        yard.links.cut(EVERYBODY)
        writer.write_eof()
        assert await is_silent(reader)
        yard.links.uncut("cut")
        assert await reader.read() == b"bye\n"

    play(scene)


def test_a_new_caller_waits_while_dropped_and_is_served_after(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard)
        yard.links.cut(EVERYBODY)
        patient, hasty = await yard.call(port), await yard.call(port)
        patient[1].write(b"patient\n")
        hasty[1].write(b"hasty\n")
        assert await is_silent(patient[0])
        hasty[1].close()  # its handshake never took place, so nothing of it may arrive later
        await until(lambda: len(yard.links.doors["door"].open) == 1)
        yard.links.uncut("cut")
        assert await patient[0].readline() == b"server-a patient\n"
        assert yard.got == [b"patient\n"]

    play(scene)


def test_reject_resets_old_and_new(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard)
        old = await yard.call(port)
        await asked(*old, b"before")
        yard.links.cut(REFUSING)
        with pytest.raises(ConnectionResetError):
            await old[0].read(1)
        new = await yard.call(port)
        with pytest.raises(ConnectionResetError):
            await new[0].read(1)
        yard.links.uncut("cut")
        assert await asked(*await yard.call(port), b"after") == b"server-a after\n"

    play(scene)


def test_a_drop_silences_a_reject(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard)
        yard.links.cut(Rule(id="first", sources=("*",), destinations=("server-a",), mode="reject"))
        yard.links.cut(EVERYBODY)
        caller = await yard.call(port)
        assert await is_silent(caller[0])
        yard.links.uncut("cut")
        with pytest.raises(ConnectionResetError):
            await caller[0].read(1)

    play(scene)


def test_a_front_door_balances_and_skips_who_refuses(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard, "server-a", "server-b")
        answers = [await asked(*await yard.call(port), b"x") for _ in range(4)]
        assert sorted(answers) == [b"server-a x\n"] * 2 + [b"server-b x\n"] * 2
        yard.links.cut(REFUSING)
        assert {await asked(*await yard.call(port), b"x") for _ in range(4)} == {b"server-b x\n"}
        yard.links.uncut("cut")
        yard.servers["server-b"].close()
        assert {await asked(*await yard.call(port), b"x") for _ in range(4)} == {b"server-a x\n"}
        yard.servers["server-a"].close()
        nobody = await yard.call(port)
        with pytest.raises(ConnectionResetError):
            await nobody[0].read(1)

    play(scene)


def test_a_caller_is_known_by_its_process(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard)
        program = f"""
import socket, sys
s = socket.create_connection(("{HOST}", {port})); f = s.makefile("rwb", buffering=0)
for line in sys.stdin.buffer:
    f.write(line); sys.stdout.buffer.write(f.readline()); sys.stdout.flush()
"""
        (yard.folder / "node-1").mkdir()
        inside = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", program),
            cwd=yard.folder / "node-1",
            env=os.environ | {processes.MARK: str(yard.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert inside.stdin
        assert inside.stdout
        outside = await yard.call(port)
        inside.stdin.write(b"before\n")
        assert await inside.stdout.readline() == b"server-a before\n"
        yard.links.cut(Rule(id="cut", sources=("node-1",), destinations=("server-a",), mode="drop"))
        inside.stdin.write(b"held\n")
        assert await is_silent(inside.stdout)
        assert await asked(*outside, b"other") == b"server-a other\n"
        assert await asked(*await yard.call(port), b"new") == b"server-a new\n"
        yard.links.uncut("cut")
        assert await inside.stdout.readline() == b"server-a held\n"
        inside.stdin.close()
        await inside.wait()

    play(scene)


def test_the_server_with_the_fewest_callers_gets_the_next(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard, "server-a", "server-b")
        first = (await asked(*await yard.call(port), b"one")).split()[0]
        second = (await asked(*await yard.call(port), b"two")).split()[0]
        assert {first, second} == {b"server-a", b"server-b"}
        yard.callers[0].transport.abort()  # the first one's server has room again, whoever's turn it is
        await until(lambda: len(yard.links.doors["door"].open) == 1)
        for _ in range(3):
            reader, writer = await yard.call(port)
            assert (await asked(reader, writer, b"next")).split()[0] == first
            writer.transport.abort()
            await until(lambda: len(yard.links.doors["door"].open) == 1)

    play(scene)


def test_a_dead_server_costs_its_next_callers_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard, "server-a", "server-b")
        yard.servers["server-a"].close()
        for _ in range(4):
            assert (await asked(*await yard.call(port), b"word")).split()[0] == b"server-b"

    play(scene)


def test_a_server_that_does_not_read_slows_its_caller_down(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        release = asyncio.Event()
        counted = 0

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal counted
            await release.wait()
            while data := await reader.read(1 << 20):
                counted += len(data)
            writer.close()

        path = str(yard.folder / "slow.sock")
        yard.servers["slow"] = await asyncio.start_unix_server(slow, path, limit=1 << 16)
        port = await yard.links.add("slow", {"slow": path}, HOST)
        _, writer = await yard.call(port)
        size = 64 << 20
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        writer.write(bytes(size))
        before = await settled(writer.transport.get_write_buffer_size)
        assert before > size // 2  # most of it still lies with the caller, not in the door
        release.set()
        writer.write_eof()
        await until(lambda: counted == size)

    play(scene)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(ANSWER_S):
        while not condition():  # noqa: ASYNC110  the condition may lie in the kernel
            await asyncio.sleep(0.005)


async def settled(value: Callable[[], int]) -> int:
    last = -1
    async with asyncio.timeout(ANSWER_S):
        while (now := value()) != last:
            last = now
            await asyncio.sleep(SILENCE_S)
    return last
