"""Whether a PostgreSQL server that takes no sessions ever will."""

from targets.target import Node, Target, TargetError
from targets.waiting import until

ENDS_WITHIN_S = 15.0
ASKS_EVERY_S, ASKS_WITHIN_S = 0.2, 3
NOT_READY = 1  # pg_isready: the server answers, and takes no sessions
LOOKS = 3  # in a row: between two states of a server one of its processes may just be missing
_READY = ("pg_isready", "--quiet", f"--timeout={ASKS_WITHIN_S}")
_CHILDREN = r"""
server=$(head -n 1 data/postmaster.pid)
for each in /proc/[0-9]*; do
    read -r line <$each/stat && set -- ${line##*)} && [ "$2" = "$server" ] && tr '\0' ' ' <$each/cmdline && echo
done 2>/dev/null
true
"""


def never_ends(target: Target, node: Node) -> bool:
    """Wait until a server takes sessions or has ended; True for one that would go on doing neither.

    A PostgreSQL that finds no space in its crash recovery, either, may lose the process that recovers, keep those that
    serve it, and start no other: it says for ever that it is not ready.  Seen with PostgreSQL 18, in one of 330 full
    disks.  One that has not ended its recovery within ENDS_WITHIN_S is taken for such a one, too.
    """
    abandoned = 0

    def is_over() -> bool:
        nonlocal abandoned
        if not _is_at_it(target, node):
            return True
        abandoned = abandoned + 1 if _is_abandoned(target, node) else 0
        return abandoned == LOOKS

    try:
        until(is_over, ENDS_WITHIN_S, f"{node.name}: to end its recovery", ASKS_EVERY_S)
    except TargetError:
        return True
    return abandoned == LOOKS


def _is_at_it(target: Target, node: Node) -> bool:
    """Tell whether a server says that it is not ready."""
    try:
        return target.run(node, _READY, timeout=2 * ASKS_WITHIN_S).code == NOT_READY
    except TargetError:  # it cannot be asked, which is no reason to kill it
        return False


def _is_abandoned(target: Target, node: Node) -> bool:
    """Tell whether a server has the process that writes for a recovery, and not the one that recovers."""
    try:
        listed = target.run(node, ["sh", "-c", _CHILDREN], timeout=2 * ASKS_WITHIN_S).out
    except TargetError:
        return False
    titles = [line.strip().rpartition(": ")[2] for line in listed.splitlines()]  # "postgres: NODE: startup recovering"
    kinds = {title.partition(" ")[0] for title in titles}
    return "checkpointer" in kinds and "startup" not in kinds
