"""Probes of what belongs together and lies in two places: documents, an object and a row each."""

import json
import time

from probes import http
from targets.target import TargetError
from targets.waiting import until

IN_FLIGHT_S = 1.5  # above the deadline that every upload keeps: what shows for longer is not an upload under way
SETTLED_S = 8.0  # by then the service has removed what a failed upload left
LOOK_S = 0.5


def half_written() -> int:
    """Count documents that are not whole (row or object alone, or an upload never finished), those under way aside.

    To be trusted because the audit compares both stores' complete lists, and only what it shows for longer than any
    upload may take is counted.  Looks until nothing is left, for 8 s at most.  It cannot be answered while a store is
    down; when that lasts, this raises TargetError instead of counting what is left.
    """
    first_seen: dict[str, float] = {}
    began = time.monotonic()
    while True:
        now = time.monotonic()
        first_seen = {key: first_seen.get(key, now) for key in _audit()}
        lasting = [key for key, since in first_seen.items() if now - since > IN_FLIGHT_S]
        if now - began > (SETTLED_S if lasting else IN_FLIGHT_S) or not first_seen:
            return len(lasting)
        time.sleep(LOOK_S)


def _audit() -> set[str]:
    audit = json.loads(until(_audited, SETTLED_S, "the documents' audit, for which both stores must be up"))
    return {key for keys in audit.values() for key in keys}


def _audited() -> bytes:
    answer = http.ask("api", "/documents-audit")
    if answer.status != 200:
        raise TargetError(f"api: the documents' audit answered HTTP {answer.status}")
    return answer.body
