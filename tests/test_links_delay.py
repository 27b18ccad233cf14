"""Delays, one-way cuts and lost hosts on the links, over real sockets. Times are judged as ratios."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from targets.lab.verdict import PASS, verdict
from targets.rules import Rule
from tests.test_links import ANSWER_S, HOST, Scene, Yard, asked, door, is_silent, play, until

__all__ = ["play"]
DELAY_S = 0.15
SOME, ALL = ("*",), ("server-a",)


def delayed(seconds: float = DELAY_S, direction: str = "both", rule_id: str = "slow") -> Rule:
    return Rule(id=rule_id, sources=SOME, destinations=ALL, mode="delay", direction=direction, seconds=seconds)


def rule(mode: str, direction: str = "both") -> Rule:
    return Rule(id=f"{mode}-{direction}", sources=SOME, destinations=ALL, mode=mode, direction=direction, status=503)


async def took(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def stream(yard: Yard, every_s: float) -> int:
    """Serve lines "n time", one each `every_s`, until the caller goes; gives the door's port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while not writer.is_closing() and not reader.at_eof():
            number += 1
            yard.got.append(f"{number}".encode())
            writer.write(f"{number} {time.monotonic()}\n".encode())
            await asyncio.sleep(every_s)
        writer.close()

    path = str(yard.folder / "server-a.sock")
    yard.servers["server-a"] = await asyncio.start_unix_server(talk, path)
    return await yard.links.add("door", {"server-a": path}, HOST)


@pytest.mark.parametrize(("direction", "ways"), [("both", 2), ("there", 1), ("back", 1)])
def test_a_delay_lengthens_each_of_its_ways(play: Callable[[Scene], None], direction: str, ways: int) -> None:
    async def scene(yard: Yard) -> None:
        caller = await yard.call(await door(yard))
        quick = await took(asked(*caller, b"before"))
        yard.links.cut(delayed(direction=direction))
        slow = await took(asked(*caller, b"slow"))
        assert ways * DELAY_S <= slow < (ways + 0.8) * DELAY_S
        yard.links.cut(delayed(direction=direction, rule_id="more"))
        assert 2 * ways * DELAY_S <= await took(asked(*caller, b"slower")) < (2 * ways + 0.8) * DELAY_S
        yard.links.uncut("slow")
        yard.links.uncut("more")
        assert await took(asked(*caller, b"after")) < quick + DELAY_S / 2

    play(scene)


def test_a_new_connection_pays_for_its_handshake_and_loses_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard)
        yard.links.cut(delayed())
        began = time.monotonic()
        reader, writer = await yard.call(port)
        writer.write(b"hello\n")
        writer.write_eof()
        assert await reader.read() == b"server-a hello\nbye\n"
        assert 4 * DELAY_S <= time.monotonic() - began < 5.5 * DELAY_S

    play(scene)


def test_the_order_is_kept_and_no_byte_lost_whatever_happens_to_the_delay(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, _ = await yard.call(await stream(yard, 0.0005))
        numbers = []

        async def read() -> None:
            while line := await reader.readline():
                numbers.append(int(line.split()[0]))

        reading = asyncio.ensure_future(read())
        changes: list[Callable[[], None]] = [
            lambda: yard.links.cut(delayed(0.1)),
            lambda: yard.links.cut(delayed(0.02)),
            lambda: yard.links.cut(rule("drop", "back")),
            lambda: yard.links.cut(delayed(0.2)),
            lambda: yard.links.uncut("drop-back"),
            lambda: yard.links.uncut("slow"),
        ]
        for change in changes:
            await asyncio.sleep(0.08)
            change()
        seen = len(yard.got)
        await until(lambda: len(numbers) > seen)
        reading.cancel()
        assert numbers == list(range(1, len(numbers) + 1))

    play(scene)


def test_what_waits_arrives_at_once_when_the_delay_is_taken_away(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await door(yard))
        await asked(reader, writer, b"before")
        yard.links.cut(delayed(30))
        writer.write(b"one\ntwo\n")
        assert await is_silent(reader)
        yard.links.uncut("slow")
        assert await asyncio.wait_for(reader.readline(), ANSWER_S) == b"server-a one\n"
        assert await reader.readline() == b"server-a two\n"

    play(scene)


def test_a_reset_comes_after_what_was_sent_before_it(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await door(yard))
        await asked(reader, writer, b"before")
        yard.links.cut(delayed())
        writer.write(b"last words\n")
        await asyncio.sleep(DELAY_S / 5)
        writer.transport.abort()
        began = time.monotonic()
        await until(lambda: yard.got[-1] == b"last words\n")
        assert time.monotonic() - began > DELAY_S / 2
        await until(lambda: not yard.links.doors["door"].open)

    play(scene)


def test_a_long_delay_does_not_swallow_everything_a_fast_sender_has(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        size, counted = 64 << 20, 0

        async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal counted
            while data := await reader.read(1 << 20):
                counted += len(data)
            writer.close()

        path = str(yard.folder / "sink.sock")
        yard.servers["sink"] = await asyncio.start_unix_server(sink, path)
        port = await yard.links.add("sink", {"server-a": path}, HOST)
        _, writer = await yard.call(port)
        yard.links.cut(delayed(30, "there"))
        writer.write(bytes(size))
        await asyncio.sleep(1)
        assert writer.transport.get_write_buffer_size() > size // 2  # most of it still lies with the caller
        yard.links.uncut("slow")
        writer.write_eof()
        await until(lambda: counted == size)

    play(scene)


def test_a_cut_there_silences_questions_and_lets_answers_through(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await stream(yard, 0.01)
        reader, _writer = await yard.call(port)
        await reader.readline()
        yard.links.cut(rule("drop", "there"))
        seen = len(yard.got)
        async with asyncio.timeout(ANSWER_S):
            while int((await reader.readline()).split()[0]) < seen + 10:
                pass
        new, _ = await yard.call(port)
        assert await is_silent(new)  # half a way opens no connection
        yard.links.uncut("drop-there")
        assert await asyncio.wait_for(new.readline(), ANSWER_S)

    play(scene)


def test_a_cut_back_delivers_questions_whose_answers_come_after_the_heal(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await door(yard))
        await asked(reader, writer, b"before")
        yard.links.cut(rule("drop", "back"))
        writer.write(b"heard\n")
        await until(lambda: yard.got[-1] == b"heard\n")
        assert await is_silent(reader)
        yard.links.uncut("drop-back")
        assert await reader.readline() == b"server-a heard\n"

    play(scene)


def test_the_reset_of_a_caller_does_not_pass_a_cut(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        reader, writer = await yard.call(await stream(yard, 0.005))
        await reader.readline()
        yard.links.cut(rule("drop", "there"))
        writer.transport.abort()
        await asyncio.sleep(0.1)
        seen = len(yard.got)
        await until(lambda: len(yard.got) > seen + 5)  # the server has not heard of it and talks on
        yard.links.uncut("drop-there")
        await until(lambda: not yard.links.doors["door"].open)

    play(scene)


@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_a_discard_loses_just_what_was_under_way(play: Callable[[Scene], None], seconds: float) -> None:
    async def scene(yard: Yard) -> None:
        reader, _ = await yard.call(await stream(yard, 0.002))
        await reader.readline()
        yard.links.cut(delayed(seconds))
        await asyncio.sleep(2 * seconds)
        struck = time.monotonic()
        yard.links.cut(rule("discard"))
        lines = []
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * seconds):
                while line := await reader.readline():
                    lines.append(line.split())
        assert line  # nobody is told
        lost_s = struck - float(lines[-1][1])
        assert 0.8 * seconds <= lost_s <= 1.5 * seconds
        assert all(int(b[0]) == int(a[0]) + 1 for a, b in pairwise(lines))
        yard.links.uncut("slow")
        assert await is_silent(reader)
        yard.links.uncut("discard-both")
        with pytest.raises(ConnectionResetError):  # bytes are missing: it must never go on
            await reader.readline()

    play(scene)


def test_without_a_delay_a_discard_loses_what_a_slow_reader_had_not_taken(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        received = bytearray()

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await release.wait()
            while data := await reader.read(1 << 16):
                received.extend(data)
            writer.close()

        release = asyncio.Event()
        path = str(yard.folder / "hold.sock")
        yard.servers["hold"] = await asyncio.start_unix_server(hold, path, limit=1 << 14)
        _, writer = await yard.call(await yard.links.add("hold", {"server-a": path}, HOST))
        writer.write(bytes(4 << 20))
        await asyncio.sleep(0.2)
        yard.links.cut(rule("discard"))
        release.set()
        await asyncio.sleep(0.2)
        assert len(received) < 2 << 20
        yard.links.uncut("discard-both")
        await until(lambda: not yard.links.doors["hold"].open)

    play(scene)


def test_a_lost_host_is_not_told_of_either_and_new_callers_wait_for_it(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        port = await door(yard)
        reader, writer = await yard.call(port)
        await asked(reader, writer, b"before")
        yard.links.cut(rule("discard"))
        writer.write(b"never\n")
        late, later = await yard.call(port)
        later.write(b"late\n")
        assert await is_silent(late)
        writer.transport.abort()
        yard.links.uncut("discard-both")
        assert await asyncio.wait_for(late.readline(), ANSWER_S) == b"server-a late\n"
        assert yard.got == [b"before\n", b"late\n"]

    play(scene)


def test_rules_combine_as_their_docstring_says() -> None:
    errors = Rule(id="errors", sources=SOME, destinations=ALL, mode="errors", status=503)
    everything = [rule(mode) for mode in ("discard", "drop", "reject")] + [errors]
    assert [verdict(everything[at:]).mode for at in range(5)] == ["discard", "drop", "reject", "errors", PASS]
    one_way = verdict([rule("drop", "back"), rule("reject")])
    assert (one_way.mode, one_way.there.held, one_way.back.held) == ("drop", False, True)
    added = verdict([delayed(1), delayed(2, "there"), errors])
    assert (added.mode, added.there.seconds, added.back.seconds) == ("errors", 3, 1)


def test_a_link_without_rules_is_written_straight_through_again(play: Callable[[Scene], None]) -> None:
    async def scene(yard: Yard) -> None:
        caller = await yard.call(await door(yard))
        await asked(*caller, b"before")
        (link,) = yard.links.doors["door"].open
        assert link.caller.straight
        assert link.server.straight
        yard.links.cut(delayed())
        assert not link.caller.straight
        await asked(*caller, b"slow")
        yard.links.uncut("slow")
        assert link.caller.straight
        assert link.server.straight

    play(scene)
