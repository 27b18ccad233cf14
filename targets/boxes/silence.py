"""Silence between the containers of a compose project, by nftables in the network namespaces of the sources.

Whole addresses are silenced, not doors: what the destination opens to the source is cut as well.
"""

import re
from collections.abc import Mapping, Sequence

from targets.boxes.hand import lend
from targets.boxes.services import Service
from targets.lab import nft
from targets.lab.verdict import DROP
from targets.rules import Rule
from targets.target import Unable

_PREFIX = nft.table("")


def means(project: str, rule: Rule) -> str:
    """Say by what a rule would be kept. Unable for what these means cannot do."""
    if rule.mode != DROP or "*" in (*rule.sources, *rule.destinations):
        raise Unable(f"compose:{project}: only silence (drop) between named services can be had there, not {rule.mode}")
    return "nftables in the containers of the sources"


def cut(project: str, services: Mapping[str, Service], rule: Rule) -> None:
    """Put a rule in force; again is the same as once."""
    means(project, rule)
    addresses = [address for name in rule.destinations for address in services[name].addresses]
    if addresses:
        _everywhere(project, [services[name] for name in rule.sources], dropping(rule, addresses))


def uncut(project: str, services: Sequence[Service], rule_id: str) -> None:
    """Take a rule away wherever it is; nothing to do when it is nowhere."""
    _everywhere(project, services, nft.passing(rule_id))


def cuts(project: str, services: Sequence[Service]) -> frozenset[str]:
    """List the ids of the rules in force."""
    running = [service for service in services if service.pid]
    said = lend(project, "\n".join(f"nsenter -t {one.pid} -n nft list tables || true" for one in running) or "true")
    return frozenset(
        found.replace("_", "-") for found in re.findall(rf"^table inet {_PREFIX}(\S+)$", said, re.MULTILINE)
    )


def dropping(rule: Rule, addresses: Sequence[str]) -> str:
    """Write the script for a source's namespace."""
    name, listed = nft.table(rule.id), ", ".join(addresses)
    lines = [f"add table inet {name}", f"delete table inet {name}", f"add table inet {name}"]
    if rule.direction != "back":
        lines.append(f"add chain inet {name} there {{ type filter hook output priority 0 ; }}")
        lines.append(f"add rule inet {name} there ip daddr {{ {listed} }} drop")
    if rule.direction != "there":
        lines.append(f"add chain inet {name} back {{ type filter hook input priority 0 ; }}")
        lines.append(f"add rule inet {name} back ip saddr {{ {listed} }} drop")
    return "\n".join(lines)


def _everywhere(project: str, services: Sequence[Service], script: str) -> None:
    running = [service for service in services if service.pid]
    if running:
        lend(project, "\n".join(f"nsenter -t {one.pid} -n nft -f - <<'END'\n{script}\nEND" for one in running))
