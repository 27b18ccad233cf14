"""The object store, on which uploads depend and orders do not."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_object_store_out(drill: Callable[..., Outcome]) -> None:
    """I take the object store away for 2 seconds. Orders go on; healed, uploads are taken again within 6 seconds."""
    outcome = drill("objects-out", component="objects", rto="6 s", recovered_by="stop", spares=["api"])
    assert outcome.met, outcome
