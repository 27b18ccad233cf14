"""The open-loop client, a process of its own: python -m probes.client SPEC.json, or - for a SPEC on stdin, one line.

Commands come in on stdin and events go out on stdout, one JSON object a line:

    -> {"event": "ready"}
    {"do": "steady", "after_ns": N, "timeout_s": T} -> {"event": "steady", "since_ns": S}
                                                    or {"event": "not steady", "why": "..."}
    {"do": "figures", "after_ns": N, "names": [...]} -> {"event": "figures", "after_ns": N,
        "answered": A, "good": G, "since_ns": S or null, "why": "..."}, at once, whatever is being waited for
    {"do": "clock"} -> {"event": "clock", "now_ns": N}, at once: what its monotonic clock shows
    {"do": "finish"} -> {"event": "finished"}, exit 0

When its SPEC names no folder, what belongs into files there is said: {"event": "record", "file": ..., "text": ...}.
EOF on stdin means that the harness is gone: the client ends at once.  A SPEC or command that cannot be understood is
told on stderr, exit 2.
"""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probes import subjects
from probes.records import Records, filed
from probes.sampler import Source, pace
from probes.spec import ClientSpec, load, read
from probes.streak import Streak, steady_since, why_not
from targets.target import BadInput

LEAD_NS = 15_000_000  # from now to the first tick: nothing intended may lie in the past
POLL_S = 0.01
SOONER = "100"  # of a thousand parts of the memory there is, as if it used them


def sources(spec: ClientSpec, ledgers: dict[str, subjects.Ledger], records: Records) -> list[Source]:
    """Prepare everything that is asked on schedule, spread over the interval so that no two leave together."""
    asked = [(one, subjects.stream(one), records.sample) for one in spec.streams]
    every: list[Any] = [(one, _numbered(ask), getattr(ask, "launch", None), record) for one, ask, record in asked]
    every += [(one, ledgers[one.name].write, None, records.write) for one in spec.ledgers]
    start_ns = time.monotonic_ns() + LEAD_NS
    apart_ns = int(spec.interval_s * 1e9) // len(every)
    return [
        Source(
            request=request,
            launch=launch,
            record=record,
            timeout_s=spec.timeout_s,
            streak=Streak(
                name=one.name,
                start_ns=start_ns + n * apart_ns,
                next_ns=start_ns + n * apart_ns,
                interval_ns=int((one.interval_s or spec.interval_s) * 1e9),
            ),
        )
        for n, (one, request, launch, record) in enumerate(every)
    ]


def paced(asked: list[Source]) -> list[list[Source]]:
    """Sort the sources by their interval: those of one come round in the same order for ever."""
    intervals = dict.fromkeys(source.streak.interval_ns for source in asked)
    return [[one for one in asked if one.streak.interval_ns == interval] for interval in intervals]


def _numbered(request: subjects.Request) -> Any:
    return lambda _seq, attempt: request(attempt)


async def run(spec: ClientSpec) -> None:
    """Sample and write until told to finish, then read every ledger back."""
    records = Records(filed(Path(spec.folder)) if spec.folder else tell_record)
    ledgers = {one.name: subjects.ledger(one) for one in spec.ledgers}
    gc.collect()  # here and not after `sources`, which says when the first request is to leave
    asked = sources(spec, ledgers, records)
    commands: asyncio.Queue[str] = asyncio.Queue()
    streaks, window_ns = [source.streak for source in asked], int(spec.window_s * 1e9)
    listen(asyncio.get_running_loop(), lambda line: hear(line, commands, streaks, window_ns))
    stop = asyncio.Event()
    gc.freeze()  # what exists now stays: later collections are short
    async with asyncio.TaskGroup() as tasks:
        for group in paced(asked):
            tasks.create_task(pace(group, tasks, stop))
        say(event="ready")
        await obey(commands, streaks, window_ns)
        stop.set()
    reads = {name: ledger.read for name, ledger in ledgers.items()}
    await records.read_back(reads, max(spec.read_s, 10 * spec.timeout_s))
    say(event="finished")


def hear(line: str, commands: "asyncio.Queue[str]", streaks: list[Streak], window_ns: int) -> None:
    """Answer a question for figures, or for the time, at once; everything else waits for its turn."""
    try:
        asked = json.loads(line)
        what, names, after_ns = asked["do"], asked.get("names"), int(asked.get("after_ns", 0))
    except (ValueError, KeyError, TypeError):
        what = ""
    if what == "clock":
        say(event="clock", now_ns=time.monotonic_ns())
        return
    if what != "figures":
        commands.put_nowait(line)
        return
    chosen = [streak for streak in streaks if streak.name in (names or ())] or streaks
    since_ns = steady_since(chosen, after_ns=after_ns, window_ns=window_ns)
    say(
        event="figures",
        after_ns=after_ns,
        answered=sum(streak.answered for streak in chosen),
        good=sum(streak.good for streak in chosen),
        since_ns=since_ns,
        why="" if since_ns else why_not(chosen, after_ns=after_ns, now_ns=time.monotonic_ns()),
    )


async def obey(commands: "asyncio.Queue[str]", streaks: list[Streak], window_ns: int) -> None:
    """Answer commands until `finish`."""
    while True:
        line = await commands.get()
        try:
            command = json.loads(line)
            if command["do"] == "finish":
                return
            after_ns, timeout_s = int(command["after_ns"]), float(command["timeout_s"])
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"command {line!r} is neither finish nor steady with after_ns and timeout_s") from None
        await tell_steady(streaks, after_ns, timeout_s, window_ns)


async def tell_steady(streaks: list[Streak], after_ns: int, timeout_s: float, window_ns: int) -> None:
    """Wait for a clean window of all sources at or after `after_ns`, and say so; or say why there was none."""
    until_ns = time.monotonic_ns() + int(timeout_s * 1e9)
    while (since_ns := steady_since(streaks, after_ns=after_ns, window_ns=window_ns)) is None:
        now_ns = time.monotonic_ns()
        if now_ns > until_ns:
            say(event="not steady", why=why_not(streaks, after_ns=after_ns, now_ns=now_ns))
            return
        await asyncio.sleep(POLL_S)
    say(event="steady", since_ns=since_ns)


def tell_record(name: str, text: str) -> None:
    """Send what another process is to put into a file."""
    say(event="record", file=name, text=text)


def say(**event: object) -> None:
    """Send one event to the harness."""
    with contextlib.suppress(BrokenPipeError):  # then stdin is at its end, too
        print(json.dumps(event), flush=True)


def listen(loop: asyncio.AbstractEventLoop, heard: Callable[[str], None]) -> None:
    """Receive commands in a thread: it sees the end of stdin even while the loop is busy."""

    def read() -> None:
        rest = b""
        while chunk := os.read(0, 65536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                with contextlib.suppress(RuntimeError):  # the loop has just closed: finished anyway
                    loop.call_soon_threadsafe(heard, line.decode(errors="replace"))
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()


def first_line() -> str:
    """Read the first line of stdin and not a byte more: the rest are commands."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line.decode(errors="replace")


def volunteer() -> None:
    """When memory runs out the kernel is to take this process before a watchdog: better no figures than no undo."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(SOONER)


def hurry() -> None:
    """Go before others where that is allowed: a drill that burns the CPU must not slow its observer.

    Real-time and round-robin, since Linux weighs niceness only within a session, and the client has one of its own.
    It takes an eighth of a core; where it may not, its lag is recorded and tells.
    """
    with contextlib.suppress(OSError, AttributeError):  # not permitted, or not Linux
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def main(argv: list[str]) -> int:
    """Run the client; 2 when the SPEC or a command is wrong."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the harness's to handle: it still needs the final read
    hurry()
    volunteer()
    if len(argv) != 1:
        print("usage: python -m probes.client SPEC.json | -", file=sys.stderr)
        return 2
    try:
        asyncio.run(run(read(first_line()) if argv[0] == "-" else load(Path(argv[0]))))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except BaseExceptionGroup as group:
        bad, rest = group.split(BadInput)
        if bad is None or rest is not None:
            raise
        print(bad.exceptions[0], file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
