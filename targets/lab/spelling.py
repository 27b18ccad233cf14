"""Commands for a shell that undo things in a lab without asking its supervisor. Standard library only."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote

from targets.lab import nft, processes, spaces
from targets.lab.layout import DATABASE, LOCALHOST, part
from targets.lab.roles import pgsettings

_ANSWER_S = 5.0


def resume(folder: Path, node: str) -> tuple[str, ...]:
    """Let a frozen node's processes go on, the main one last: it was stopped first."""
    stopped = [pid for pid, name in processes.members(folder).items() if name == node and processes.is_stopped(pid)]
    return (f"kill -CONT {' '.join(map(str, sorted(stopped, reverse=True)))}",) if stopped else ()


def uncut(folder: Path, rule_id: str) -> tuple[str, ...]:
    """Delete the rule's table in every namespace that has one; () when the lab's links keep the rule."""
    entered = {space: _enter(pid) for space, pid in _namespaces(folder).items()}
    table = nft.table(rule_id)
    return tuple(
        f"{' '.join(enter)} {spaces.nft()} delete table inet {table}"
        for enter in entered.values()
        if f"table inet {table}" in _said([*enter, spaces.nft() or "nft", "list", "tables"]).splitlines()
    )


def configure(doors: Mapping[str, int], node: str, name: str, value: str | None) -> tuple[str, ...]:
    """Set a setting of a PostgreSQL server, or take it away; () for other servers."""
    if part(node).component != "postgres":
        return ()
    from targets.lab.roles import postgres  # noqa: PLC0415  looks for the programs

    words = f"set {name} = {pgsettings.quoted(value)}" if value is not None else f"reset {name}"
    psql = f"{postgres.bin_folder()}/psql -h {LOCALHOST} -p {doors[node]} -U postgres {DATABASE}"
    return (f"{psql} -c {quote(f'alter system {words}')} -c 'select pg_reload_conf()'",)


def _namespaces(folder: Path) -> dict[str, int]:
    """Map the network namespaces of the lab's nodes, by inode, to a process in each."""
    own, found = os.readlink("/proc/self/ns/net"), {}  # noqa: PTH115  no path at all
    for pid in processes.members(folder):
        with suppress(OSError):  # it has ended, or is not ours to look at
            found[os.readlink(f"/proc/{pid}/ns/net")] = pid  # noqa: PTH115
    return {space: pid for space, pid in found.items() if space != own}


def _enter(pid: int) -> list[str]:
    own, its = (Path(f"/proc/{who}/ns/user") for who in ("self", pid))
    user = [] if own.readlink() == its.readlink() else ["-U", "--preserve-credentials"]
    return ["nsenter", "-t", str(pid), *user, "-n"]


def _said(argv: list[str]) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(argv, capture_output=True, text=True, timeout=_ANSWER_S, check=False).stdout
    return ""
