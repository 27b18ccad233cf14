"""Cut components off from one another: packets vanish and nobody is told, as in a broken network."""

import uuid
from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, between, rule, spelled
from targets.abilities import Partitionable, Witnessed
from targets.target import Target

KIND = "partition"
REVERSE = {"both": "both", "there": "back", "back": "there"}


def plan(
    target: Target,
    *,
    source: str | Sequence[str],
    destination: str | Sequence[str],
    role: str | None = None,
    source_role: str | None = None,
    direction: str = "both",
    mutual: bool = False,
) -> dict[str, Any]:
    """Name the nodes of `source` (those of `source_role`) that will not reach those of `destination` (of `role`).

    `direction`: "both"; "there": what `source` sends is lost, what `destination` sends arrives; "back": the reverse.
    `mutual`: the connections that `destination` opens to `source` are cut, too, not only those that `source` opens.
    A node that is named on both sides belongs to the destination: `source: [redis, sentinel], destination: redis,
    role: master` cuts a master off from all others of its kind.
    """
    partitionable = able(target, Partitionable, "cut connections")
    sides = between(target, source, destination, role, source_role)
    here, there = sides["sources"], sides["destinations"]
    cut = f"partition-{uuid.uuid4().hex[:8]}"
    cuts = [{"id": cut, "sources": here, "destinations": there, "mode": "drop", "direction": direction}]
    if mutual:
        back = REVERSE.get(direction, direction)
        cuts.append({"id": f"{cut}-back", "sources": there, "destinations": here, "mode": "drop", "direction": back})
    means = {partitionable.means(rule(words)) for words in cuts}  # checked here, before anything is hurt
    return {
        "victims": [*here, *there] if mutual else here,
        "cuts": cuts,
        "by": " and ".join(sorted(means)),
        "undo": "let the connections through again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Put the cut in force."""
    for words in plan["cuts"]:
        able(target, Partitionable, "cut connections").cut(rule(words))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether the cut is in force, be it for one side's connections only, and holds where others keep it."""
    there = able(target, Partitionable, "cut connections").cuts()
    rules = [rule(words) for words in plan["cuts"] if words["id"] in there]
    return bool(rules) and (not isinstance(target, Witnessed) or all(map(target.holds, rules)))


def heal(target: Target, plan: Plan) -> None:
    """Take the cut away."""
    for cut in _ids(plan):
        able(target, Partitionable, "cut connections").uncut(cut)


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to take the cut away."""
    return [line for cut in sorted(_ids(plan)) for line in spelled(target, "uncut", cut)]


def residue(target: Target) -> list[str]:
    """Name the cuts in force."""
    cuts = able(target, Partitionable, "cut connections").cuts()
    return [f"cut {cut} is in force" for cut in sorted(cuts) if cut.startswith("partition-")]


def _ids(plan: Plan) -> set[str]:
    return {words["id"] for words in plan["cuts"]}
