"""Becomes a sentinel. It is told at birth who the others are, which saves the seconds of finding them."""

import os
from pathlib import Path

from targets.lab.roles.common import Config, read_config
from targets.lab.roles.redis import MASTER, server

CONF = Path("sentinel.conf")
QUORUM = 2
DOWN_AFTER_MS = 500
FAILOVER_TIMEOUT_MS = 3000


def identity(name: str) -> str:
    """Give a sentinel's id: 40 hex digits, the same at every start."""
    return name.encode().hex().rjust(40, "0")


def settings(config: Config) -> str:
    """Write sentinel.conf; from then on it is the sentinel's own file."""
    host, port = config.doors[config.name].rsplit(":", 1)
    at = {name: door.replace(":", " ") for name, door in config.doors.items()}
    lines = [
        "port 0",
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


def main() -> None:
    """Prepare, then become the sentinel."""
    config = read_config()
    program = server()
    if not CONF.exists():
        CONF.write_text(settings(config))
    os.execv(program, [program, str(CONF), "--sentinel"])  # noqa: S606


if __name__ == "__main__":
    main()
