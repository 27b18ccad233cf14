"""Hosts are chosen by the nodes that run there."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from targets.target import BadInput, DrillyardError, Unable


def under(where: Mapping[str, str], nodes: Iterable[str], said: str) -> list[str]:
    """Name the hosts of these nodes. BadInput when none of them is on one; `said` is how they were asked for."""
    hosts = sorted({where[name] for name in nodes if name in where})
    if not hosts:
        raise BadInput(f"{said}: none of its nodes is on a host at this moment")
    return hosts


def ours(
    where: Mapping[str, str], nodes: Sequence[str], check: Callable[[Collection[str]], None], count: int | None
) -> Sequence[str]:
    """Leave out nodes whose hosts are not ours to touch, where not all were asked for: the first `count` of the others.

    `check` raises Unable for such a host, which is passed on when fewer than `count` are left; else BadInput.
    """
    if count is None:
        return nodes
    left: list[str] = []
    reason: DrillyardError = BadInput(f"count={count}: there are {len(nodes)} such nodes at this moment")
    for name in nodes:
        try:
            check({where[name]} if name in where else set())
            left.append(name)
        except Unable as error:
            reason = error
    if len(left) < count:
        raise reason
    return left[:count]
