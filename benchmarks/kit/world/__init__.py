"""The world as the machine itself tells it: what a drill may have left, without asking the faults.

snapshot    everything that can be looked at, section by section
settled     a look at which nothing is under way, to hold later ones against
left        what differs between two of them, but for what may (`allowed.ALLOWED`, each line with its reason)

Read from /proc, from the kernel and from the servers' own sockets, past the lab's links.  Only the links' rules are
asked of the lab's supervisor: nobody else knows them.  Nothing is changed, and a part that cannot be read says so.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from benchmarks.kit.world import files, kernel, objects, people, postgres, redis, rules, spaces
from benchmarks.kit.world.allowed import ALLOWED, Allowed
from benchmarks.kit.world.where import Facts, place

ABSENT = "absent"
_POLL_S = 0.05
_QUIET_S = 0.3  # Redis buries a child that rewrote its log ten times a second


@dataclass(frozen=True, kw_only=True)
class World:
    """One look at the machine: each section maps a thing to how it is."""

    processes: Facts  # ours, by node and program, never by pid: a restarted node is the same node
    namespaces: Facts  # which ones our processes stand in and hold open; named ones
    listeners: Facts  # TCP ports and Unix sockets that ours listen on; all ports in the lab's own networks
    rules: Facts  # of the lab's links
    nft: Facts  # rules in the lab's network namespaces
    cgroups: Facts
    mounts: Facts
    files: Facts
    ipc: Facts  # SysV and POSIX shared memory, semaphores, message queues
    postgres: Facts
    redis: Facts  # the sentinels, too
    objects: Facts
    environment: Facts  # of this very process
    engine: Facts = field(default_factory=dict)  # containers, networks and volumes that carry the lab's label


def snapshot(lab: Path | None, *, state: Path | None = None, tmp: Path | None = None) -> World:
    """Look at everything of the lab in that folder; None: of every lab in `tmp`.

    `state` and `tmp` are where the harness in question keeps its records and its temporary files; by default those of
    this process.
    """
    where = place(lab, state=state, tmp=tmp)
    ours = people.ours(where)
    networks = spaces.networks(ours)
    return World(
        processes=people.processes(ours),
        namespaces=spaces.namespaces(ours),
        listeners=spaces.listeners(ours, networks),
        rules=rules.rules(where),
        nft=spaces.nft(networks),
        cgroups=kernel.cgroups(where, ours),
        mounts=kernel.mounts(where, ours),
        files=files.files(where),
        ipc=kernel.ipc(ours),
        postgres=postgres.postgres(where),
        redis=redis.redis(where),
        objects=objects.objects(where),
        environment=kernel.environment(),
    )


def settled(look: Callable[[], World], *, within_s: float) -> World:
    """Look until two looks in a row, a moment apart, show the same; or give the last after `within_s`."""
    deadline, found = time.monotonic() + within_s, look()
    while True:
        time.sleep(_QUIET_S)
        before, found = found, look()
        if not left(before, found) or time.monotonic() > deadline:
            return found


def left(before: World, after: World, allowed: Sequence[Allowed] = ALLOWED) -> list[str]:
    """Say in a sentence each what is there and was not, is gone, or is otherwise; [] when nothing is left."""
    return [
        _sentence(section.name, thing, was, now)
        for section in fields(World)
        for thing, was, now in _differences(getattr(before, section.name), getattr(after, section.name))
        if not any(each.covers(section.name, thing, was, now) for each in allowed)
    ]


def left_after(
    before: World, look: Callable[[], World], *, within_s: float, allowed: Sequence[Allowed] = ALLOWED
) -> list[str]:
    """Look again and again until nothing is left, for `within_s` at most: servers take a moment to come back."""
    deadline = time.monotonic() + within_s
    while (found := left(before, look(), allowed)) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found


def _differences(before: Facts, after: Facts) -> list[tuple[str, str, str]]:
    pairs = [(thing, before.get(thing, ABSENT), after.get(thing, ABSENT)) for thing in sorted({*before, *after})]
    return [each for each in pairs if each[1] != each[2]]


def _sentence(section: str, thing: str, was: str, now: str) -> str:
    if was == ABSENT:
        return f"{section}: {thing} was not there, and is: {now}"
    if now == ABSENT:
        return f"{section}: {thing} is gone, it was: {was}"
    return f"{section}: {thing} is {now}, and was {was}"
