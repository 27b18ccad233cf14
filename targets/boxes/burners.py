"""Work beside the processes of a compose project: inside the containers' own limits, by the containers' own shells."""

import re
from collections import Counter
from collections.abc import Sequence

from docker.errors import APIError, DockerException

from targets.boxes import engine
from targets.boxes.hand import lend
from targets.boxes.services import Service
from targets.lab.loads import await_work

_BURN = "while :; do :; done"


def load(service: Service, load_id: str, *, workers: int, seconds: float) -> None:
    """Burn CPU in a container; it ends by itself after `seconds`."""
    api = engine.client().api
    try:
        for _ in range(workers):
            made = api.exec_create(service.id, ["timeout", f"{seconds:.0f}", "sh", "-c", _BURN, f"load={load_id}"])
            api.exec_start(made["Id"], detach=True)
    except (DockerException, OSError) as error:
        raise engine.failed(error, service.container) from error
    await_work(lambda: at_work([service])[load_id], workers)


def unload(project: str, services: Sequence[Service], load_id: str) -> None:
    """End a load; nothing to do when there is none."""
    if pids := [pid for pid, found, _ in _listed(services) if found == load_id]:
        lend(project, f"kill -KILL {' '.join(pids)} || true")


def at_work(services: Sequence[Service]) -> Counter[str]:
    """Count the burning shells by load."""
    return Counter(load_id for _, load_id, keeps in _listed(services) if not keeps)


def _listed(services: Sequence[Service]) -> list[tuple[str, str, bool]]:
    """List pid, load, and whether it only keeps the time."""
    found = []
    for service in services:
        for pid, words in _processes(service) if service.incarnation else ():
            if match := re.search(r" load=(\S+)$", words):
                found.append((pid, match[1], words.startswith("timeout")))
    return found


def _processes(service: Service) -> list[tuple[str, str]]:
    try:
        listed = engine.client().api.top(service.id, ps_args="-eo pid,args")
    except (APIError, OSError):
        return []  # it ended meanwhile
    return [(row[0], row[-1]) for row in listed["Processes"]]
