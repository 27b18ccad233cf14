"""The scripted service as a process of its own: python -m benchmarks.kit.scripted.

Commands come in on stdin and events go out on stdout, one JSON object a line; EOF on stdin ends it.

    -> {"event": "ready", "port": P}
    {"do": "enter", "mode": M}                    -> {"event": "entered", "at_ns": N}
    {"do": "play", "episodes": [[[M, S], ...]]}   -> {"event": "played", "stamps": [[N, ...], ...]}
    {"do": "forget" | "add", "ledger": L, ...}    -> {"event": "done", "at_ns": N}
    {"do": "truth", "ledger": L}                  -> {"event": "truth", ...}

An episode is a list of modes with the seconds each lasts; its stamps say when each began, and when the last one ended.
"""

import asyncio
import contextlib
import json
import sys
import time
from typing import Any

from benchmarks.kit.service import Service
from probes.client import hurry

Command = dict[str, Any]


async def play(service: Service, episodes: list[list[tuple[str, float]]]) -> list[list[int]]:
    """Go through the episodes on one schedule: what is late does not make the rest later."""
    at = time.monotonic()
    stamps = []
    for episode in episodes:
        entered = []
        for mode, seconds in episode:
            entered.append(await service.enter(mode))
            at += seconds
            await asyncio.sleep(at - time.monotonic())
        entered.append(await service.enter("up"))
        stamps.append(entered)
    return stamps


async def forget(service: Service, command: Command) -> int:
    """Lose the newest confirmed orders of those that are at most so old, or the named ones: the store's fault."""
    at_ns = time.monotonic_ns()
    service.store.forget(command["ledger"], _chosen(service, command))
    if "then" in command:  # a deposed server goes on confirming what it does not keep
        service.mode = command["then"]
    return at_ns


def _chosen(service: Service, command: Command) -> list[int]:
    """Choose among the confirmed, the newest first, by position."""
    acked = service.store.book(command["ledger"]).acked_ns
    newest = sorted(acked, key=acked.__getitem__, reverse=True)
    return [newest[at] for at in command["positions"] if at < len(newest)]


async def obey(service: Service, command: Command) -> dict[str, Any]:
    """Carry out one command; returns its event."""
    match command["do"]:
        case "enter":
            return {"event": "entered", "at_ns": await service.enter(command["mode"])}
        case "play":
            return {"event": "played", "stamps": await play(service, command["episodes"])}
        case "forget":
            return {"event": "done", "at_ns": await forget(service, command)}
        case "add":
            again = _chosen(service, {**command, "positions": command["double"]})
            service.store.add(command["ledger"], [*again, *command["foreign"]])
            return {"event": "done", "at_ns": time.monotonic_ns()}
        case _:
            return {"event": "truth", **service.store.truth(command["ledger"])}


async def run() -> None:
    """Serve and obey until stdin ends."""
    service = Service()
    await service.open()
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print(json.dumps({"event": "ready", "port": service.port}), flush=True)
    while line := await commands.readline():
        event = await obey(service, json.loads(line))
        print(json.dumps(event), flush=True)


if __name__ == "__main__":
    hurry()  # what is measured is the client, not how late its counterpart is
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
    sys.exit(0)
