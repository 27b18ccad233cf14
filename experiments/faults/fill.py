"""Fill the volumes to which PostgreSQL nodes write their WAL, as a log does that nobody rotates.

A primary that cannot write WAL panics, and so does its crash recovery; a standby receives nothing any more.
"""

import uuid
from contextlib import suppress
from functools import partial
from typing import Any

from experiments.faults import Plan, _memory, _recovery, able, chosen_nodes, spelled
from targets.abilities import Confined, Killable, Loadable
from targets.target import BadInput, Node, Target, TargetError, Unable, VictimGone
from targets.waiting import until

KIND = "stress"
MOST_S = 3600
FULL_WITHIN_S = 15.0
BACK_WITHIN_S = 45.0
_WHAT, _LOAD, _START = "fill a disk", "set programs to work beside its nodes", "start nodes"
_MEGABYTE = 1 << 20
_USE_UP = """select count(pg_logical_emit_message(false, 'fill', repeat('x', 1000000)))
    from generate_series(1, {times}) where not pg_is_in_recovery()"""


def plan(
    target: Target, *, component: str, role: str | None = None, count: int | None = None, seconds: float = 60
) -> dict[str, Any]:
    """Fill the volumes of the chosen nodes for `seconds` at most, with whatever becomes free meanwhile.

    Only volumes that are a node's alone, and only while all of it takes no more than half of the available memory.
    """
    able(target, Loadable, _LOAD)
    able(target, Killable, _START)
    confined = able(target, Confined, _WHAT)
    if lacks := confined.room_lacks():
        raise Unable(f"target {target.address} cannot {_WHAT} that is one node's alone: {lacks}")
    if not 0 < seconds <= MOST_S:
        raise BadInput(f"fill: seconds={seconds}; use up to {MOST_S} seconds")
    nodes = chosen_nodes(target, component, role, count=count)
    room = {node.name: confined.room(node.name) for node in nodes}
    for node in nodes:
        _memory.check_room(target, node, sum(room.values()) // _MEGABYTE, "fill")
    return {
        "victims": list(room),
        "component": component,
        "loads": {name: f"fill-{uuid.uuid4().hex[:8]}" for name in room},
        "room": room,
        "seconds": seconds,
        "undo": "give the space back, start the servers that ended without it, or that never end their recovery",
    }


def inject(target: Target, plan: Plan) -> None:
    """Fill the volumes, then have each primary write until it wants more than the files it had set aside."""
    for name, load_id in plan["loads"].items():
        able(target, Loadable, _LOAD).load(name, load_id=load_id, kind="space", workers=1, seconds=plan["seconds"])
    for name in plan["victims"]:
        until(partial(_is_full, target, name), FULL_WITHIN_S, f"{name}: to have no room left")
        _use_up(target, plan, name)


def active(target: Target, plan: Plan) -> bool:
    """Tell whether any of the volumes is full, because of this."""
    loadable = able(target, Loadable, _LOAD)
    return any(loadable.loading(load_id) and _is_full(target, name) for name, load_id in plan["loads"].items())


def heal(target: Target, plan: Plan) -> None:
    """Give the space back; a server that ended for want of it is started, one that recovers is waited for.

    One that would do neither is killed before.
    """
    for load_id in plan["loads"].values():
        able(target, Loadable, _LOAD).unload(load_id)
    for name in plan["victims"]:
        begun, node = able(target, Killable, _START).incarnation(name), Node(name=name, component=plan["component"])
        if begun and _recovery.never_ends(target, node):
            with suppress(VictimGone):  # it has ended meanwhile
                able(target, Killable, _START).kill(name, begun)
        until(partial(_started, target, name), BACK_WITHIN_S, f"{name}: to serve again")


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to give the space back and start the victims."""
    lines = [line for load_id in plan["loads"].values() for line in spelled(target, "unload", load_id)]
    return lines + [line for name in plan["victims"] for line in spelled(target, "start", name)]


def residue(target: Target) -> list[str]:
    """Name what fills volumes."""
    loads = able(target, Loadable, _LOAD).loads()
    return [f"{load} fills a volume" for load in sorted(loads) if load.startswith("fill-")]


def _is_full(target: Target, name: str) -> bool:
    return able(target, Confined, _WHAT).room(name) < _MEGABYTE


def _use_up(target: Target, plan: Plan, name: str) -> None:
    """Write more than all files that a server may have set aside can hold. TargetError when that can be done."""
    times = 2 * plan["room"][name] // _MEGABYTE
    node = Node(name=name, component=plan["component"])
    ran = target.run(node, ["psql", "-XAtqc", _USE_UP.format(times=times)], timeout=FULL_WITHIN_S)
    if ran.code == 0 and int(ran.out):
        raise TargetError(f"{name} wrote {times} megabytes although its volume is full")


def _started(target: Target, name: str) -> bool:
    """Start a server unless it runs: one may end of what it found a moment before there was room again."""
    able(target, Killable, _START).start(name)
    return True
