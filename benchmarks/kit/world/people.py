"""Processes: who is ours, told from /proc, and how each of them is."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit.world.where import Facts, Where, within

LAB_MARK = "DRILLYARD_LAB"  # in the environment of every process that a lab starts
STATES = {"T": "stopped", "t": "stopped", "Z": "dead and not buried", "X": "dead and not buried"}
_POSTGRES = re.compile(
    r"postgres: (?:[\w-]+: )?(checkpointer|background writer|walwriter|archiver|startup|walsender|walreceiver|"
    r"(?:autovacuum|logical replication) (?:launcher|worker)|parallel worker|io worker|slotsync worker)"
)
_LONGEST = 160


@dataclass(frozen=True, kw_only=True)
class Person:
    """One process of ours."""

    pid: int
    parent: int
    started: int  # clock ticks after boot: together with the pid it is unique
    state: str
    owner: str  # the node it belongs to, "supervisor", "keeper", or "" for what is no part of a lab
    title: str
    net: str  # "net:[4026531840]"
    cwd: str
    marks: frozenset[str]  # of its environment: where its lab and its state are


def ours(where: Where) -> tuple[Person, ...]:
    """List this process, whoever descends from it, and all that is marked as ours or stands in the lab's networks."""
    known = {one.pid: one for pid in pids() if (one := _person(pid, where))}
    marked = {pid for pid, one in known.items() if pid == os.getpid() or _is_marked(one, where)}
    host = known[os.getpid()].net
    inside = {known[pid].net for pid in marked if known[pid].owner} - {host, ""}
    return tuple(
        one
        for one in known.values()
        if (one.net in inside or not marked.isdisjoint(_line(one.pid, known))) and not _of_another_lab(one, where)
    )


def everybody(where: Where) -> tuple[Person, ...]:
    """List all processes there are, but for this one: where a node has a host of its own they are all its."""
    return tuple(one for pid in pids() if pid != os.getpid() and (one := _person(pid, where)))


def processes(people: Sequence[Person]) -> Facts:
    """Tell what runs: each program of a node with the state and the number of its processes; others one by one."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in people:
        found[named(one)][STATES.get(one.state, "running")] += 1
    return {thing: ", ".join(_counted(states)) for thing, states in found.items()}


def named(one: Person) -> str:
    """Name a process so that the next life of the same program has the same name."""
    title = one.title[:_LONGEST]
    return f"{one.owner}: {title}" if one.owner else f"{title} (pid {one.pid}, started at {one.started})"


def _counted(states: Mapping[str, int]) -> list[str]:
    return [state if count == 1 else f"{count} {state}" for state, count in sorted(states.items())]


def _line(pid: int, known: Mapping[int, Person]) -> list[int]:
    """List a process and those it descends from."""
    found = []
    while pid in known and pid not in found:
        found.append(pid)
        pid = known[pid].parent
    return found


def _is_marked(one: Person, where: Where) -> bool:
    folder = where.lab or where.labs
    lies_there = within(one.cwd, folder) or within(one.cwd, where.state)
    says_so = any(within(value, folder) or value == str(where.state) for value in one.marks)
    named_there = any(f"{place}" in one.title for place in (folder, where.state))
    return lies_there or says_so or named_there


def _of_another_lab(one: Person, where: Where) -> bool:
    if where.lab is None:
        return False
    labs = [value for value in (one.cwd, *one.marks) if within(value, where.labs) and value != str(where.labs)]
    return bool(labs) and not any(within(value, where.lab) for value in labs)


def pids() -> list[int]:
    """List the processes there are."""
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]


def _person(pid: int, where: Where) -> Person | None:
    """Read one process, None when it has ended or is a thread of the kernel."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return None
    words = rest.split()
    title = _title(pid) or f"[{name.partition('(')[2]}]"
    if words[1] == "2" or pid == 2:
        return None
    cwd = link(f"/proc/{pid}/cwd")
    return Person(
        pid=pid,
        parent=int(words[1]),
        started=int(words[19]),
        state=words[0],
        owner=_owner(cwd, title, where),
        title=title,
        net=link(f"/proc/{pid}/ns/net"),
        cwd=cwd,
        marks=_marks(pid),
    )


def _title(pid: int) -> str:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
        return _told(" ".join(words).strip())
    return ""


def _told(line: str) -> str:
    """Leave out of a command line what differs from life to life."""
    if kind := _POSTGRES.match(line):
        return f"postgres: {kind[1]}"
    if line.startswith("postgres: "):
        return "postgres: session"
    return line


def _owner(cwd: str, title: str, where: Where) -> str:
    if where.lab is None:
        return ""
    if "targets.lab.supervisor" in title and str(where.lab) in title:
        return "keeper" if "keeper.main" in title else "supervisor"
    return cwd.removeprefix(f"{where.lab}/").partition("/")[0] if cwd.startswith(f"{where.lab}/") else ""


def _marks(pid: int) -> frozenset[str]:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        pairs = (word.partition("=") for word in words)
        return frozenset(value for name, _, value in pairs if name in (LAB_MARK, "DRILLYARD_STATE"))
    return frozenset()


def link(path: str) -> str:
    """Read a link of /proc, "" when it is gone or not for us."""
    try:
        return os.readlink(path).removesuffix(" (deleted)")  # noqa: PTH115  a Path would cost as much again
    except OSError:
        return ""
