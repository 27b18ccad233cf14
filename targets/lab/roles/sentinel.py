"""Becomes a sentinel. It is told at birth who the others are, which saves the seconds of finding them."""

import os
import time
from pathlib import Path

from targets.lab.roles import resp
from targets.lab.roles.common import Config, afterwards, read_config, say
from targets.lab.roles.redis import MASTER, POLL_S, server

CONF = Path("sentinel.conf")
QUORUM = 2
REPLICAS = 2
TOGETHER_S = 30.0
DOWN_AFTER_MS = 1000
FAILOVER_TIMEOUT_MS = 3000
# Sentinel's own periods are meant for a down-after of 30 s, and must be well below ours.  It connects to an instance
# once in a ping period at most: with the 1000 ms it is born with, a new master could be silent for a whole down-after
# while a leader waited to connect to it, and the others' word about the OLD master, which counts for five ask periods,
# made that a majority: a second failover right behind the first, at the price of a second of confirmed writes.
# Not lower than this: five ping periods must cover the 1000 ms between two INFOs, or no replica is fit for promotion.
PERIODS_MS = {"PING-PERIOD": 400, "ASK-PERIOD": 200, "PUBLISH-PERIOD": 200, "INFO-PERIOD": 1000, "TILT-PERIOD": 3000}
RUNS_WITHIN_S = 10.0


def identity(name: str) -> str:
    """Give a sentinel's id: 40 hex digits, the same at every start."""
    return name.encode().hex().rjust(40, "0")


def await_replicas(config: Config) -> None:
    """Wait, before the first start, until master and replicas are one: a slow start must not look like a failure."""
    deadline = time.monotonic() + TOGETHER_S
    while time.monotonic() < deadline:
        role = resp.ask(config.doors["redis-a"], "ROLE")
        if isinstance(role, list) and role[0] == "master" and len(role[2]) == REPLICAS:
            return
        time.sleep(POLL_S)
    say(f"{MASTER} has not {REPLICAS} replicas after {TOGETHER_S:.0f} s: watching what there is")


def settings(config: Config) -> str:
    """Write sentinel.conf; from then on it is the sentinel's own file."""
    host, port = config.doors[config.name].rsplit(":", 1)
    at = {name: door.replace(":", " ") for name, door in config.doors.items()}
    lines = [
        f"port {config.port}",
        *(["bind 0.0.0.0"] if config.port else []),
        f"unixsocket {config.socket}",
        "protected-mode no",
        f"sentinel announce-ip {host}",
        f"sentinel announce-port {port}",
        f"sentinel myid {identity(config.name)}",
        f"sentinel monitor {MASTER} {at['redis-a']} {QUORUM}",
        f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}",
        f"sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT_MS}",
        *(f"sentinel known-replica {MASTER} {at[name]}" for name in sorted(at) if name in ("redis-b", "redis-c")),
        *(f"sentinel known-sentinel {MASTER} {at[name]} {identity(name)}" for name in sorted(config.peers())),
    ]
    return "\n".join(lines) + "\n"


def hasten(own: str) -> None:
    """Set the periods, which have no place in sentinel.conf, as soon as the sentinel listens on its socket."""
    deadline = time.monotonic() + RUNS_WITHIN_S
    while resp.ask(own, "PING") != "PONG" and time.monotonic() < deadline:
        time.sleep(POLL_S / 5)
    words = [str(word) for pair in PERIODS_MS.items() for word in pair]
    if resp.ask(own, "SENTINEL", "DEBUG", *words) != "OK":
        say("this sentinel's periods cannot be set (Redis 7 or Valkey can): expect needless failovers")


def main() -> None:
    """Prepare, then become the sentinel."""
    config = read_config()
    program = server()
    if not CONF.exists():
        await_replicas(config)
        CONF.write_text(settings(config))
    afterwards(lambda: hasten(config.socket))
    os.execv(program, [program, str(CONF), "--sentinel"])  # noqa: S606


if __name__ == "__main__":
    main()
