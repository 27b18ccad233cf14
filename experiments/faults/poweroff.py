"""Cut the power of hosts: all that runs there dies at once, and their keeper takes its time to notice.

Harder than `crash`, which takes chosen nodes only: everything on such a host is gone until it has power again.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from experiments.faults._hosts import ours, under
from targets.abilities import Killable
from targets.clustered import Powered
from targets.target import Target

KIND = "kill"
WHAT = "cut the power of hosts"


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """Find the hosts of the chosen nodes; every node of the target that is there is a victim."""
    powered = able(target, Powered, WHAT)
    able(target, Killable, "start nodes")
    where = powered.hosts()
    named = ours(where, chosen(target, component, role, zone), powered.switchable, count)
    hosts = under(where, named, f"component {component!r} on {target.address}")
    powered.switchable(hosts)
    return {
        "victims": [name for name, host in where.items() if host in hosts],
        "hosts": hosts,
        "undo": "start the hosts, and wait until the nodes run",
    }


def inject(target: Target, plan: Plan) -> None:
    """Switch them off, all at once."""
    powered = able(target, Powered, WHAT)
    with ThreadPoolExecutor(len(plan["hosts"])) as pool:
        list(pool.map(powered.switch_off, plan["hosts"]))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether one of them is off."""
    return bool(able(target, Powered, WHAT).off() & set(plan["hosts"]))


def heal(target: Target, plan: Plan) -> None:
    """Switch them on, all at once, then start what nobody else starts."""
    powered = able(target, Powered, WHAT)
    with ThreadPoolExecutor(len(plan["hosts"])) as pool:
        list(pool.map(powered.switch_on, plan["hosts"]))
    killable = able(target, Killable, "start nodes")
    with ThreadPoolExecutor(len(plan["victims"])) as pool:
        list(pool.map(killable.start, plan["victims"]))


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to switch them on."""
    return [line for host in plan["hosts"] for line in spelled(target, "switch_on", host)]


def residue(target: Target) -> list[str]:
    """Name the hosts that are off."""
    return [f"host {host} is off" for host in sorted(able(target, Powered, WHAT).off())]
