"""The first process of a host that is one node's own, as a container is: starts its launcher, asks whether it lives.

`python -m targets.lab.host NODE` with the node's description, JSON, in $LAB_NODE.  It hands signals on, takes in
orphans, and ends when the launcher's server ends: whether the host is started again is up to whoever keeps it.
Standard library only.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from targets.lab import liveness
from targets.lab.layout import Part, part
from targets.lab.serving import serves

HOME = Path("/lab")
DESCRIPTION = "LAB_NODE"
ENVIRONMENT = "environment.json"  # in a node's folder: what its launcher finds in its environment besides
PORTS = {"postgres": 5432, "redis": 6379, "sentinel": 26379, "objects": 9000, "api": 8000}


def start(node: Part) -> "subprocess.Popen[bytes]":
    """Write the node's description down and start its launcher."""
    folder = HOME / node.name
    folder.mkdir(mode=0o711, exist_ok=True)
    (folder / "node.json").write_text(os.environ[DESCRIPTION])
    more = folder / ENVIRONMENT
    environment = {**os.environ, **(json.loads(more.read_text()) if more.exists() else {})}
    argv = [sys.executable, "-m", f"targets.lab.roles.{node.component}", "node.json"]
    return subprocess.Popen(argv, cwd=folder, env=environment, start_new_session=True)


def hand_on(node: Part, pid: int) -> None:
    """Ask the server to end when this process is asked; PostgreSQL in the way that hands over what was written."""
    orderly = signal.SIGINT if node.component == "postgres" else signal.SIGTERM
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: os.kill(pid, orderly))


def probe(node: Part, pid: int) -> None:
    """Kill the server when it does not answer any more."""
    probes, where = liveness.Probes(), f"127.0.0.1:{PORTS[node.component]}"
    while True:
        time.sleep(liveness.EVERY_S)
        if probes.dead(answers=asyncio.run(serves(node.component, where, liveness.ANSWER_S))):
            print(f"host: no answer to {probes.misses} liveness probes: killing it", flush=True)
            os.kill(pid, signal.SIGKILL)
            return


def be(node: Part) -> None:
    """Be the first process until the server has ended; exit with its code."""
    server = start(node)
    hand_on(node, server.pid)
    if node.liveness:
        threading.Thread(target=probe, args=(node, server.pid), daemon=True).start()
    while True:
        ended, status = os.wait()  # orphans come to this process, too
        if ended == server.pid:
            sys.exit(abs(os.waitstatus_to_exitcode(status)))


def main() -> None:
    """Read the command line."""
    be(part(sys.argv[1]))


if __name__ == "__main__":
    main()
