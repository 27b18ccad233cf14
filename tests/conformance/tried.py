"""With what each fault is tried: a new file in experiments/faults/ needs a line here, and nothing else.

Several victims wherever the lab has them, so that an inject or a heal can be cut off half-way.
"""

from typing import Any

import pytest

from experiments import faults
from targets.target import Target, Unable

TRIED_WITH: dict[str, dict[str, Any]] = {
    "crash": {"component": "sentinel"},
    "delay": {"source": "api", "destination": "objects", "seconds": 0.05},
    "dns": {"component": "api"},
    "drain": {"component": "api"},
    "erase": {"component": "api"},
    "errors": {"component": "objects", "status": 503},
    "exhaust": {"component": "postgres", "role": "standby"},
    "fill": {"component": "postgres", "role": "standby", "count": 1},
    "flood": {"component": "api", "callers": 20},
    "flush": {"component": "redis", "prefix": "worker:"},
    "headless": {"component": "api"},
    "kill": {"component": ["worker", "sentinel"]},
    "lose": {"component": "postgres", "role": "standby"},
    "misconfigure": {"component": "postgres", "name": "synchronous_commit", "value": "off"},
    "outage": {"component": "objects"},
    "partition": {"source": "api", "destination": "redis", "mutual": True},
    "pause": {"component": "sentinel"},
    "poison": {"component": "worker", "ends": "exit", "count": 2},
    "poweroff": {"component": "api"},
    "quota": {"component": "api"},
    "release": {"component": "api", "release": "crashing"},
    "rotate": {"component": "api", "secret": "any"},
    "skew": {"component": "postgres", "role": "standby", "seconds": 3600},
    "stress": {"component": "api", "workers": 1, "seconds": 60},
    "unplug": {"component": "api"},
}


def params(kind: str) -> dict[str, Any]:
    """Give the parameters to try a fault with."""
    assert kind in TRIED_WITH, f"say in tests/conformance/tried.py how to try the new fault {kind!r}"
    return TRIED_WITH[kind]


def planned(kind: str, target: Target) -> dict[str, Any]:
    """Plan it; a fault that this machine has no means for is skipped with the reason."""
    try:
        return faults.load(kind).plan(target, **params(kind))
    except Unable as lacks:
        pytest.skip(str(lacks))


def kinds() -> tuple[str, ...]:
    """List the faults there are, found by listing their folder."""
    return faults.names()
