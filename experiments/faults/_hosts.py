"""Hosts are chosen by the nodes that run there."""

from collections.abc import Iterable, Mapping

from targets.target import BadInput


def under(where: Mapping[str, str], nodes: Iterable[str], said: str) -> list[str]:
    """Name the hosts of these nodes. BadInput when none of them is on one; `said` is how they were asked for."""
    hosts = sorted({where[name] for name in nodes if name in where})
    if not hosts:
        raise BadInput(f"{said}: none of its nodes is on a host at this moment")
    return hosts
