"""Drills of a project that is not the lab: `pytest tests/shop/drill_shop.py --target containers --system ...`."""

from collections.abc import Callable
from pathlib import Path

from reports.outcome import Outcome

Drill = Callable[..., Outcome]
HERE = Path(__file__).parent


def test_database_killed(drill: Drill) -> None:
    """I kill the only database. Its restart policy brings it back, the shop serves within 20 s, nothing is lost."""
    outcome = drill(str(HERE / "db-killed.yaml"), component="web", rto="20 s", rpo="0 s")
    assert outcome.met, outcome


def test_cut_off_from_the_database(drill: Drill) -> None:
    """I cut the shop off from its database. It says so, and serves within 10 s of the heal; nothing is lost."""
    outcome = drill(str(HERE / "db-cut-off.yaml"), component="web", rto="10 s", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome
