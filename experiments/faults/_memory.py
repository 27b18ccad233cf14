"""How much memory a fault may take."""

import re

from targets.target import BadInput, Node, Target

SAFE_SHARE = 0.5  # of the memory that is available; the rest is for those who are only to be disturbed
_ANSWER_S = 5
_LOOK = (  # what the machine has left, in kB, and what a container is allowed and has taken, in bytes
    "grep MemAvailable /proc/meminfo; cd /sys/fs/cgroup;"
    "for f in memory.max memory/memory.limit_in_bytes; do [ -r $f ] && echo limit $(cat $f); done;"
    "for f in memory.current memory/memory.usage_in_bytes; do [ -r $f ] && echo usage $(cat $f); done; true"
)


def check_room(target: Target, node: Node, megabytes: int, fault: str, *, within: bool = True) -> None:
    """Refuse, with BadInput, to take more than a safe share of what is available beside a node.

    `within`: its own limits hold for what is taken, too.
    """
    said = target.run(node, ["sh", "-c", _LOOK], timeout=_ANSWER_S).out
    seen = {key: int(value) for key, value in re.findall(r"(\w+):? +(\d+)", said)}
    if "MemAvailable" not in seen:
        raise BadInput(f"{fault}: how much memory is available beside {node.name} cannot be told; none is taken")
    room = seen["MemAvailable"] >> 10
    if within and "limit" in seen:
        room = min(room, (seen["limit"] - seen.get("usage", 0)) >> 20)
    if megabytes > SAFE_SHARE * room:
        raise BadInput(
            f"{fault}: {megabytes} megabytes are more than {SAFE_SHARE:.0%} of the {max(room, 0)} that are "
            f"available beside {node.name}; use less, or free some"
        )
