"""Take the sessions of a PostgreSQL server and leave them idle, as a program that forgets to close them does."""

import time
import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, loadable, spelled
from targets.abilities import Loadable
from targets.target import BadInput, Node, Target, TargetError

KIND = "stress"
FULL_WITHIN_S = 15.0
TAKEN_WITHIN_S = 2.0
_WHAT = "hold connections"
MOST_S = 3600
_POLL_S = 0.05
_LEFT = """select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid())"""


def plan(
    target: Target,
    *,
    component: str,
    role: str | None = None,
    free: int = 0,
    user: str = "app",
    database: str = "postgres",
    seconds: float = 60,
) -> dict[str, Any]:
    """Take all but `free` of the sessions that ordinary users may have, as `user`, for `seconds` at most.

    Those that are reserved for superusers stay: whoever is to help gets in.
    """
    able(target, Loadable, _WHAT)
    if not 0 <= free <= 1000 or not 0 < seconds <= MOST_S:
        raise BadInput(f"exhaust: free={free}, seconds={seconds}; use 0 to 1000 free ones and up to {MOST_S} seconds")
    victims = chosen(target, component, role)
    loadable(target, _WHAT, victims, "connections")
    if not all(n.endpoint.startswith("postgresql:") for n in target.nodes(component) if n.name in victims):
        raise BadInput(f"exhaust: {component} is not PostgreSQL, whose sessions this fault holds")
    return {
        "victims": victims,
        "component": component,
        "loads": {name: f"exhaust-{uuid.uuid4().hex[:8]}" for name in victims},
        "free": free,
        "user": user,
        "database": database,
        "seconds": seconds,
        "undo": "close the idle sessions",
    }


def inject(target: Target, plan: Plan) -> None:
    """Take the sessions, wait until no more are left than planned."""
    for name in plan["loads"]:
        _take(target, plan, name)
    deadline = time.monotonic() + FULL_WITHIN_S
    for name in plan["loads"]:
        while not _is_taken(target, plan, name):
            if time.monotonic() > deadline:
                raise TargetError(f"{name}: more than {plan['free']} sessions are still to be had")
            able(target, Loadable, _WHAT).unload(plan["loads"][name])
            _take(target, plan, name)


def _take(target: Target, plan: Plan, name: str) -> None:
    load_id, more = plan["loads"][name], {"user": plan["user"], "database": plan["database"], "free": str(plan["free"])}
    able(target, Loadable, _WHAT).load(
        name, load_id=load_id, kind="connections", workers=1, seconds=plan["seconds"], options={"name": load_id, **more}
    )


def _is_taken(target: Target, plan: Plan, name: str) -> bool:
    """Wait for it, but not for long: whoever had a session when all were counted, and ended it since, left one more."""
    ends = time.monotonic() + TAKEN_WITHIN_S
    while (left := _number(target, plan, name, _LEFT)) is None or left > plan["free"]:
        if time.monotonic() > ends:
            return False
        time.sleep(_POLL_S)
    return True


def active(target: Target, plan: Plan) -> bool:
    """Tell whether sessions are held on any victim."""
    loadable = able(target, Loadable, _WHAT)
    return any(loadable.loading(load_id) and _holds(target, plan, name) for name, load_id in plan["loads"].items())


def _holds(target: Target, plan: Plan, name: str) -> bool:
    """Ask until the server answers, but not for long: those who look may have taken the reserved sessions, too."""
    ends = time.monotonic() + TAKEN_WITHIN_S
    while (held := _number(target, plan, name, _held(plan["loads"][name]))) is None and time.monotonic() < ends:
        time.sleep(_POLL_S)
    return bool(held)


def heal(target: Target, plan: Plan) -> None:
    """Close the sessions."""
    loadable = able(target, Loadable, _WHAT)
    for load_id in plan["loads"].values():
        loadable.unload(load_id)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to close the sessions."""
    return [line for load_id in plan["loads"].values() for line in spelled(target, "unload", load_id)]


def residue(target: Target) -> list[str]:
    """Name the programs that hold sessions."""
    loads = able(target, Loadable, _WHAT).loads()
    return [f"{load} holds sessions" for load in sorted(loads) if load.startswith("exhaust-")]


def _held(load_id: str) -> str:
    return f"select count(*) from pg_stat_activity where application_name = '{load_id}'"  # noqa: S608  of our making


def _number(target: Target, plan: Plan, name: str, sql: str) -> int | None:
    """Ask a server for a number, None when it does not answer: it may be dead, or have no session left to ask by."""
    node = Node(name=name, component=plan["component"])
    ran = target.run(node, ["psql", "-XAtqc", sql], timeout=FULL_WITHIN_S)
    return int(ran.out) if ran.code == 0 else None
