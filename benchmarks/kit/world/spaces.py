"""Namespaces: who stands in which, who holds one open; what listens in the lab's networks, what nft drops there."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.kit.world import inside
from benchmarks.kit.world.people import Person, link, named
from benchmarks.kit.world.where import Facts
from targets.target import TargetError

KINDS = ("net", "mnt", "user")
NAMED = Path("/run/netns")  # where `ip netns` keeps names
_ANSWER_S = 10.0
_HELD = re.compile(r"(?:net|mnt|user):\[\d+\]")


@dataclass(frozen=True, kw_only=True)
class Network:
    """What one network namespace of a lab says of itself."""

    name: str  # "net:[4026532246]": it outlives its node's processes
    nft: str  # JSON, "" where there is no nft
    listening: list[tuple[int, int]]  # (port, inode)


def namespaces(people: Sequence[Person]) -> Facts:
    """Tell by their numbers the namespaces that each of ours stands in and holds open, and those that have a name."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in people:
        for kind in KINDS:
            if number := link(f"/proc/{one.pid}/ns/{kind}"):
                found[f"{kind} of {one.owner or named(one)}"].add(number)
        for number in _held(one.pid):
            found[f"held open by {one.owner or named(one)}"].add(number)
    names = {f"named {path.name}": {"there"} for path in NAMED.glob("*")}
    return {thing: ", ".join(sorted(numbers)) for thing, numbers in {**found, **names}.items()}


def listeners(people: Sequence[Person], networks: Sequence[Network]) -> Facts:
    """Tell who of ours listens where: in our own network, and whoever it is in the lab's."""
    holders = {number: one.owner or named(one) for one in people for number in _sockets(one.pid)}
    found = {f"port {port}": holders[str(number)] for port, number in inside.listening() if str(number) in holders}
    for each in networks:
        known = ((port, holders.get(str(number), "somebody unknown")) for port, number in each.listening)
        found |= {f"port {port} in {each.name}": holder for port, holder in known}
    return found | {f"socket {path}": holders[number] for path, number in _unix() if number in holders}


def nft(networks: Sequence[Network]) -> Facts:
    """Tell every rule, set, chain and table of nftables in the lab's networks."""
    return {
        f"{json.dumps(_lasting(each), sort_keys=True)} in {network.name}": "in force"
        for network in networks
        for each in (json.loads(network.nft)["nftables"] if network.nft else [])
        if "metainfo" not in each
    }


def _lasting(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out the handle, which counts up."""
    return {kind: {key: value for key, value in words.items() if key != "handle"} for kind, words in entry.items()}


def networks(people: Sequence[Person]) -> list[Network]:
    """Look into every network that a lab's supervisor holds, whether its node runs or not."""
    found: list[Network] = []
    for one in people:
        held = {number: str(handle) for handle, number in _handles(one.pid) if number.startswith("net:")}
        if one.owner == "supervisor" and held:
            found += [
                Network(name=name, nft=nft, listening=ports) for name, (nft, ports) in _looked_into(one.pid, held)
            ]
    return found


def _looked_into(pid: int, held: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, list[tuple[int, int]]]]]:
    argv = [sys.executable, "-I", "-S", inside.__file__, str(pid), *held.values()]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=_ANSWER_S, check=False)
    if ran.returncode:
        raise TargetError(f"the networks of the lab cannot be looked into: {ran.stderr.strip()[-500:]}")
    return zip(held, json.loads(ran.stdout), strict=True)


def _unix() -> Iterator[tuple[str, str]]:
    """List (path, inode) of the Unix sockets that somebody listens on."""
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        words = line.split(maxsplit=7)
        if words[3] == "00010000" and len(words) == 8:
            yield words[7], words[6]


def _sockets(pid: int) -> Iterator[str]:
    return (name[8:-1] for _, name in _handles(pid) if name.startswith("socket:["))


def _held(pid: int) -> Iterator[str]:
    return (name for _, name in _handles(pid) if _HELD.fullmatch(name))


def _handles(pid: int) -> Iterator[tuple[int, str]]:
    """List the descriptors of a process with what each stands for."""
    with suppress(OSError):
        for entry in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208  names are all that is needed
            yield int(entry), link(f"/proc/{pid}/fd/{entry}")
