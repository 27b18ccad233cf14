"""Probes of the volumes that nodes write to."""

from targets.abilities import Confined
from targets.target import BadInput
from targets.where import target


def least_room_mb(component: str) -> int:
    """Say how many whole megabytes are free on the fullest volume of a component's nodes.

    To be trusted because the file system itself is asked, also when no server answers.
    """
    found = target()
    if not isinstance(found, Confined):
        raise BadInput(f"the target {found.address} cannot tell what is free; use a probe that asks the service")
    return min(found.room(node.name) for node in found.nodes(component)) >> 20
