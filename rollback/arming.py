"""What may be hurt, when, and with whose approval. Everything that is not permitted is refused."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from targets.systems import Safety

OF_THE_CLUSTER = "kube-"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True)
class Window:
    """When drills are allowed, in UTC."""

    days: tuple[str, ...] = DAYS
    start: time = time.min
    end: time = time.max

    def open_at(self, now: datetime) -> bool:
        """Tell whether `now` (UTC) lies inside; a window may span midnight."""
        clock = now.time()
        spans_midnight = self.start > self.end
        after, before = clock >= self.start, clock <= self.end
        inside = (after or before) if spans_midnight else (after and before)
        return DAYS[now.weekday()] in self.days and inside


@dataclass(frozen=True, kw_only=True)
class Permit:
    """The system's safety rules together with what the person said on the command line."""

    armed: frozenset[str] = frozenset()  # names typed in full after --arm
    components: frozenset[str] | None = None  # None: every component
    max_victims: int | None = None  # nodes hurt by one injection
    max_percent: float | None = None  # of the nodes of a component
    max_hosts: int | None = None  # of a cluster, emptied or switched off by one injection
    namespaces: frozenset[str] | None = None  # None: all but the cluster's own
    window: Window = field(default_factory=Window)
    approvals: Mapping[str, int] = field(default_factory=dict)  # severity -> how many people
    approved_by: frozenset[str] = frozenset()


def permit(safety: Safety, *, armed: Sequence[str] = (), approved_by: Sequence[str] = ()) -> Permit:
    """Join the system's [safety] with what was said on the command line."""
    return Permit(
        armed=frozenset(armed),
        components=frozenset(safety.components) if safety.components is not None else None,
        max_victims=safety.max_victims,
        max_percent=safety.max_percent,
        max_hosts=safety.max_hosts,
        namespaces=frozenset(safety.namespaces) if safety.namespaces is not None else None,
        window=Window(days=safety.window.days, start=safety.window.start, end=safety.window.end),
        approvals={str(severity): count for severity, count in safety.approvals.items()},
        approved_by=frozenset(approved_by),
    )


def refusals(
    permit: Permit,
    *,
    target: str,
    disposable: bool,
    components: Sequence[str],
    planned: Mapping[str, Any],
    nodes: Mapping[str, Collection[str]],
    namespaces: Collection[str],
    severity: str,
    now: datetime,
) -> list[str]:
    """List every reason not to inject, each with its cure; empty when it is permitted.

    planned: of it the victims are read, the hosts if it names any, and the namespaces `beyond` the components' own that
    it would hurt.  nodes: those of each component that is named.
    namespaces: of a cluster, in which these components are.
    """
    name, victims = target.partition(":")[2] or target, planned["victims"]
    reasons = []
    if not disposable and name not in permit.armed:
        reasons.append(f"{target} is not disposable and not armed; say --arm {name} if you mean it")
    barred = sorted(set(components) - (permit.components if permit.components is not None else set(components)))
    if barred:
        reasons.append(f"[safety] components of the system does not list {', '.join(barred)}")
    if permit.max_victims is not None and len(victims) > permit.max_victims:
        reasons.append(
            f"it would hurt {len(victims)} nodes ({', '.join(victims)}), "
            f"[safety] max_victims allows {permit.max_victims}"
        )
    reasons += _too_much_of_one(permit, victims, nodes)
    reasons += _too_many_hosts(permit, sorted(planned.get("hosts", ())))
    reasons += _out_of_bounds(permit, {*namespaces, *planned.get("beyond", ())})
    if not permit.window.open_at(now):
        reasons.append(f"{now:%a %H:%M} UTC lies outside [safety] window; wait for it, or change the window")
    asked = permit.approvals.get(severity, 0)
    if len(permit.approved_by) < asked:
        reasons.append(
            f"severity {severity} asks for {asked} approval(s), {len(permit.approved_by)} given; add --approved-by NAME"
        )
    return reasons


def _too_much_of_one(permit: Permit, victims: Sequence[str], nodes: Mapping[str, Collection[str]]) -> list[str]:
    """Hold the share of each component's nodes that would be hurt against what is allowed."""
    if permit.max_percent is None:
        return []
    hurt = {name: 100 * len(set(victims) & set(its)) / len(its) for name, its in nodes.items() if its}
    return [
        f"it would hurt {percent:.0f} % of {name}'s nodes, [safety] max_percent allows {permit.max_percent:g}"
        for name, percent in hurt.items()
        if percent > permit.max_percent
    ]


def _too_many_hosts(permit: Permit, hosts: Sequence[str]) -> list[str]:
    if permit.max_hosts is None or len(hosts) <= permit.max_hosts:
        return []
    return [f"it would hurt {len(hosts)} hosts ({', '.join(hosts)}), [safety] max_hosts allows {permit.max_hosts}"]


def _out_of_bounds(permit: Permit, namespaces: Collection[str]) -> list[str]:
    """Name the namespaces that are not to be touched: the cluster's own are armed by their names only."""
    own = [name for name in sorted(namespaces) if name.startswith(OF_THE_CLUSTER) and name not in permit.armed]
    barred = sorted(set(namespaces) - (permit.namespaces if permit.namespaces is not None else set(namespaces)))
    return [
        *(f"namespace {name} is the cluster's own; say --arm {name} if you mean it" for name in own),
        *(f"[safety] namespaces of the system does not list {name}" for name in barred),
    ]
