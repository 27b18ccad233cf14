"""The catalogue behind its cache, on the lab's real servers."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from probes import cache, http
from targets import where
from targets.abilities import Keyed, Partitionable
from targets.lab.service.catalogue import PRODUCTS
from targets.rules import Rule
from targets.target import Target

WITHIN_S = 5.0


@pytest.fixture
def lab(target: Target, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setenv(where.VARIABLE, target.address)
    yield target
    assert isinstance(target, Partitionable)
    target.uncut("test-catalogue")


def product(asked: str) -> dict[str, Any]:
    answer = http.ask("api", f"/products/{asked}")
    assert answer.status == 200
    return dict(json.loads(answer.body))


def test_the_second_read_comes_from_the_cache_and_says_the_same(lab: Target) -> None:
    assert isinstance(lab, Keyed)
    lab.delete_keys("redis", ["cache:product:7"])
    first = product("7")
    assert first == {"id": 7, "name": "product 7", "cents": 700, "cached": False}
    deadline = time.monotonic() + WITHIN_S
    while not (again := product("7"))["cached"]:  # a busy machine may have been too slow to keep it
        assert time.monotonic() < deadline
    assert again == first | {"cached": True}


@pytest.mark.parametrize(("asked", "status"), [("4711", 404), ("everything", 400)])
def test_what_is_not_there(lab: Target, asked: str, status: int) -> None:
    assert http.ask("api", f"/products/{asked}").status == status


def test_products_are_read_without_redis_and_none_counts_as_a_hit(lab: Target) -> None:
    assert isinstance(lab, Partitionable)
    redis = tuple(node.name for node in lab.nodes("redis"))
    lab.cut(Rule(id="test-catalogue", sources=("*",), destinations=redis, mode="reject"))
    assert product("any")["cached"] is False
    assert cache.hit_rate() == 0.0


def test_reads_warm_an_empty_cache(lab: Target) -> None:
    assert isinstance(lab, Keyed)
    lab.delete_keys("redis", lab.keys("redis", "cache:"))
    cold = cache.hit_rate()
    for each in range(1, PRODUCTS + 1):
        product(str(each))
    assert cold < 0.6 < cache.hit_rate(at_least=0.9, within_s=WITHIN_S)


def test_a_prefix_is_taken_literally(lab: Target) -> None:
    assert isinstance(lab, Keyed)
    lab.add_key("redis", "drillyard:test*", seconds=5)
    assert lab.keys("redis", "drillyard:test*") == {"drillyard:test*"}
    assert lab.keys("redis", "drillyard:tes?") == frozenset()
    assert lab.delete_keys("redis", ["drillyard:test*", "drillyard:none"]) == 1
