"""The lab's Sentinels: what they must be set to so that one failure is one failover."""

import time
from typing import Any

from targets.abilities import Killable
from targets.lab.layout import MASTER
from targets.lab.ready import client
from targets.target import Node, Target

TICK_MS = 100  # a Sentinel looks after its instances so often
INFO_WHILE_DOWN_MS = 1000  # and asks replicas so often, whatever it is set to, while their master is down
WITHIN_S = 10.0


def asked(node: Node, *words: str) -> dict[str, str]:
    with client(int(node.endpoint.rpartition(":")[2])) as sentinel:
        answer: Any = sentinel.execute_command(*words)
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))


def periods(node: Node) -> dict[str, int]:
    return {name: int(value) for name, value in asked(node, "SENTINEL", "DEBUG").items()}


def test_a_new_master_is_reached_well_before_it_counts_as_down(target: Target) -> None:
    for node in target.nodes("sentinel"):
        set_to = periods(node)
        down_after = int(asked(node, "SENTINEL", "MASTER", MASTER)["down-after-milliseconds"])
        assert set_to["PING-PERIOD"] + TICK_MS <= down_after / 2  # it connects once in a ping period at most
        assert 5 * set_to["ASK-PERIOD"] <= down_after  # so long the others' word about the old master counts
        assert 5 * set_to["PING-PERIOD"] > 1.5 * INFO_WHILE_DOWN_MS  # older news make a replica unfit for promotion


def test_a_sentinel_that_was_restarted_is_set_alike(target: Target) -> None:
    assert isinstance(target, Killable)
    node = target.nodes("sentinel")[0]
    before = periods(node)
    target.kill(node.name, target.incarnation(node.name) or "")
    target.start(node.name)
    deadline = time.monotonic() + WITHIN_S
    while periods(node) != before:
        assert time.monotonic() < deadline
        time.sleep(0.05)
