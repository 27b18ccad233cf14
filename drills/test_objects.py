"""The object store, on which uploads depend and orders do not."""

from collections.abc import Callable

import pytest

from reports.outcome import Outcome

Drill = Callable[..., Outcome]


@pytest.mark.p2
@pytest.mark.quarterly
def test_object_store_out(drill: Drill) -> None:
    """I take the object store away for a second. Orders go on; healed, uploads are taken again within 8 seconds."""
    outcome = drill("objects-out", component="objects", rto="8 s", recovered_by="stop", spares=["api"])
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_object_store_slow(drill: Drill) -> None:
    """I make the object store 2 s slower. Orders go on; fast again, it takes uploads within 8 seconds of the fault."""
    outcome = drill("objects-slow", component="objects", rto="8 s", recovered_by="stop", spares=["api"])
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_object_store_answers_errors(drill: Drill) -> None:
    """I let the object store answer 503 to all. Orders go on; healed, uploads are taken within 8 seconds."""
    outcome = drill("objects-erring", component="objects", rto="8 s", recovered_by="stop", spares=["api"])
    assert outcome.met, outcome


@pytest.mark.p2
@pytest.mark.quarterly
def test_object_store_restarted_in_mid_upload(drill: Drill) -> None:
    """I kill the object store in the middle of an upload. Nothing of it stays; uploads are taken within 10 seconds."""
    outcome = drill("objects-restarted", component="objects", rto="10 s")
    assert outcome.met, outcome
