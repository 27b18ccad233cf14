"""The catalogue's read-through cache in Redis, without which products are only slower to read."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_cache_flushed(drill: Callable[..., Outcome]) -> None:
    """I empty the cache. Callers do not notice; their reads have it answer nine of ten again within 10 seconds."""
    outcome = drill("cache-flushed", component="catalogue", rto="1 s", spares=["api"])
    assert outcome.met, outcome
