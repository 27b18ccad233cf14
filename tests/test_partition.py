"""Who is cut off from whom: a partition's plan, on the lab's real nodes."""

import pytest

from experiments import faults
from targets.abilities import Partitionable
from targets.target import BadInput, Target

PARTITION = faults.load("partition")


def test_a_master_is_cut_off_from_all_others_of_its_kind_both_as_server_and_as_caller(target: Target) -> None:
    master, *_ = (node.name for node in target.nodes("redis", "master"))
    others = {node.name for each in ("redis", "sentinel") for node in target.nodes(each)} - {master}
    words = {"source": ["redis", "sentinel"], "destination": "redis", "role": "master"}
    plan = PARTITION.plan(target, **words, mutual=True, direction="there")
    to, fro = plan["cuts"]
    assert (set(to["sources"]), to["destinations"], to["direction"]) == (others, [master], "there")
    assert (fro["sources"], set(fro["destinations"]), fro["direction"]) == ([master], others, "back")
    assert set(plan["victims"]) == others | {master}
    assert isinstance(target, Partitionable)
    PARTITION.inject(target, plan)
    assert len(target.cuts()) == 2
    PARTITION.heal(target, plan)
    assert target.cuts() == frozenset()


def test_one_way_it_hurts_the_callers_only(target: Target) -> None:
    plan = PARTITION.plan(target, source="api", destination="objects")
    assert plan["victims"] == ["api-1", "api-2"]
    assert len(plan["cuts"]) == 1


def test_a_direction_that_there_is_not_is_refused(target: Target) -> None:
    with pytest.raises(BadInput, match="direction 'sideways' of drop"):
        PARTITION.plan(target, source="api", destination="objects", direction="sideways")
