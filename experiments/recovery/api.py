"""Runbooks for the API: the previous release back when the new one crashes, more replicas when there are too few."""

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from targets import where
from targets.abilities import Deployable, Killable, Scalable
from targets.target import TargetError
from targets.waiting import until

ANSWER_S = 1.0
REFUSED = 503


def roll_back(component: str = "api", restarts: int = 2, detect_within_s: float = 30.0) -> dict[str, Any]:
    """Wait until a node was restarted `restarts` times on its release, then deploy everywhere what was there before.

    It must still go on: a node that was restarted long ago and runs does not crash in a loop.  Returns names and
    moments, once all nodes serve.  TargetError when nothing crashes, or there is nothing to go back to.
    """
    target = where.target()
    if not isinstance(target, Deployable) or not isinstance(target, Killable):
        raise TargetError(f"target {target.address} cannot deploy releases")
    names = [node.name for node in target.nodes(component)]
    first = {name: target.restarts(name) for name in names}
    crashing = until(
        lambda: [name for name in names if max(restarts, first[name] + 1) <= target.restarts(name)],
        detect_within_s,
        f"a crash loop of {component}",
    )
    detected_ns = time.monotonic_ns()
    bad = target.releases(crashing[0])[-1]
    before = {name: releases[-2:-1] for name in names if (releases := target.releases(name))[-1] == bad}
    if not all(before.values()):
        raise TargetError(f"{component}: there is no release before {bad!r} to go back to")
    started_ns = time.monotonic_ns()
    with ThreadPoolExecutor(len(before)) as pool:
        list(pool.map(lambda name: target.deploy(name, before[name][0]), before))
        list(pool.map(target.start, before))
    return {
        "crashing": crashing,
        "from": bad,
        "to": {name: release for name, (release,) in before.items()},
        "detected_ns": detected_ns,
        "recovery_started_ns": started_ns,
    }


def scale_up(
    component: str = "api", count: int = 4, refusals: int = 3, detect_within_s: float = 10.0
) -> dict[str, Any]:
    """Wait until callers are refused for want of room, `refusals` times in a row, then have `count` nodes.

    Returns moments, once all nodes serve.  TargetError when nobody is refused.
    """
    target = where.target()
    if not isinstance(target, Scalable):
        raise TargetError(f"target {target.address} cannot scale")
    url = target.endpoint(component)
    until(
        lambda: all(_refuses(url) for _ in range(refusals)),
        detect_within_s,
        f"{component} to refuse {refusals} callers in a row",
    )
    detected_ns = time.monotonic_ns()
    before = target.scaled(component)
    target.scale(component, count)
    return {"from": before, "to": count, "detected_ns": detected_ns, "recovery_started_ns": detected_ns}


def _refuses(url: str) -> bool:
    """Tell whether a caller is turned away: by a replica, or at the door when none has room."""
    where_to = urlsplit(url)
    connection = http.client.HTTPConnection(str(where_to.hostname), where_to.port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == REFUSED
    except ConnectionRefusedError:
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
