"""Probes of what belongs together and lies in two places: documents, an object and a row each."""

import json
import time

from probes import http
from targets.target import TargetError
from targets.waiting import until

SETTLED_S = 8.0  # far above the deadline of an upload; the service has removed by then what a failed one left
LOOK_S = 0.1


def half_written() -> int:
    """Count documents that are not whole (row or object alone, or an upload never finished), those under way aside.

    To be trusted because the audit compares both stores' complete lists: what is not whole at this moment is looked
    at again until none of it is left, for 8 s at most, and what begins meanwhile does not count.  It cannot be
    answered while a store is down; when that lasts, this raises TargetError instead of counting what is left.
    """
    until_s = time.monotonic() + SETTLED_S
    suspects = _audit()
    while suspects and time.monotonic() < until_s:
        time.sleep(LOOK_S)
        suspects &= _audit()
    return len(suspects)


def _audit() -> set[str]:
    audit = json.loads(until(_audited, SETTLED_S, "the documents' audit, for which both stores must be up"))
    return {key for keys in audit.values() for key in keys}


def _audited() -> bytes:
    answer = http.ask("api", "/documents-audit")
    if answer.status != 200:
        raise TargetError(f"api: the documents' audit answered HTTP {answer.status}")
    return answer.body
