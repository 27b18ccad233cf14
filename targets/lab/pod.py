"""The first process of a lab's pod: `python -m targets.lab.pod COMPONENT`. Standard library only.

A pod of a StatefulSet is the node of its number: `postgres-0` is postgres-a.  Replicas of a Deployment are all alike.
The others' doors are their Services, which Kubernetes tells every pod that is younger than they are.
"""

import json
import os
import signal
import socket
import sys

from targets.lab import host
from targets.lab.layout import FRONT, PARTS, Part, component_url, names, part
from targets.lab.serving import socket_name

LETTERS = "abc"
HELD = host.HOME / "held"  # the uid of the pod that is to stay down


def node(component: str, hostname: str) -> Part:
    """Say which node of the lab a pod is."""
    number = hostname.rpartition("-")[2]
    return part(f"{component}-{LETTERS[int(number)]}" if component not in (FRONT, "worker") else names(component)[0])


def doors(environment: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """Map nodes, and "api", to HOST:PORT, by the Services that the environment tells of."""
    found = {}
    for name in (*(each.name for each in PARTS if each.component != FRONT and each.serves), FRONT):
        word = name.upper().replace("-", "_")
        found[name] = f"{environment[f'{word}_SERVICE_HOST']}:{environment[f'{word}_SERVICE_PORT']}"
    return found


def description(named: Part, reached: dict[str, str]) -> str:
    """Describe a node to its launcher, in JSON."""
    known = {
        "name": named.name,
        "socket": socket_name(named.component),
        "doors": reached,
        "archive": str(host.HOME / "archive"),
        "urls": {each: component_url(each, reached) for each in ("postgres", "redis", "objects")},
        "port": host.PORTS.get(named.component, 0),
    }
    return json.dumps(known)


def stay_down() -> None:
    """Do nothing when this pod was killed for good: a kubelet may restart it before it hears that it is to end."""
    if HELD.exists() and HELD.read_text().strip() == os.environ.get("POD_UID"):
        print("pod: held down: not starting", flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.pause()
    HELD.unlink(missing_ok=True)


def main() -> None:
    """Read the command line, find out who this is, and be it."""
    stay_down()
    mine = node(sys.argv[1], socket.gethostname())
    (host.HOME / "archive").mkdir(exist_ok=True)
    os.environ[host.DESCRIPTION] = description(mine, doors(os.environ))
    host.be(mine)


if __name__ == "__main__":
    main()
