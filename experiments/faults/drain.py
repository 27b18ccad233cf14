"""Drain hosts: they are closed to all that is new, and what runs there is asked to go, as before work on them.

What finds no room elsewhere, or may not leave its volume, waits until the hosts are open again.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from experiments.faults._hosts import ours, under
from targets.abilities import Killable
from targets.clustered import Hosted
from targets.target import Target

KIND = "dependency"  # of all that would have to start there
WHAT = "drain hosts"


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """Find the hosts of the chosen nodes; all nodes of these components that run there are to leave."""
    hosted = able(target, Hosted, WHAT)
    able(target, Killable, "start what waits")
    where = hosted.hosts()
    named = ours(where, chosen(target, component, role, zone), hosted.drainable, count)
    hosts = under(where, named, f"component {component!r} on {target.address}")
    hosted.drainable(hosts)
    leaving = {host: [name for name in chosen(target, component) if where.get(name) == host] for host in hosts}
    return {
        "victims": [name for names in leaving.values() for name in names],
        "hosts": leaving,
        "undo": "open the hosts again, and wait until the nodes that left them run somewhere",
    }


def inject(target: Target, plan: Plan) -> None:
    """Close them and have the nodes leave, all hosts at once."""
    hosted = able(target, Hosted, WHAT)
    with ThreadPoolExecutor(len(plan["hosts"])) as pool:
        list(pool.map(hosted.drain, plan["hosts"], plan["hosts"].values()))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether one of the hosts is closed."""
    return bool(able(target, Hosted, WHAT).closed() & set(plan["hosts"]))


def heal(target: Target, plan: Plan) -> None:
    """Open them, then wait for whoever waited for a place."""
    hosted = able(target, Hosted, WHAT)
    for host in plan["hosts"]:
        hosted.reopen(host)
    killable = able(target, Killable, "start what waits")
    with ThreadPoolExecutor(max(1, len(plan["victims"]))) as pool:
        list(pool.map(killable.start, plan["victims"]))


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to open them."""
    return [line for host in plan["hosts"] for line in spelled(target, "reopen", host)]


def residue(target: Target) -> list[str]:
    """Name the hosts that we closed."""
    return [f"host {host} is closed to new pods" for host in sorted(able(target, Hosted, WHAT).closed())]
