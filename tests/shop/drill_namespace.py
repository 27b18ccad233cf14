"""Drills that delete the shop's namespace: on clusters only, and by who may do everything there."""

from collections.abc import Callable
from pathlib import Path

from reports.outcome import Outcome

Drill = Callable[..., Outcome]
HERE = Path(__file__).parent


def test_namespace_deleted(drill: Drill) -> None:
    """I delete the shop's namespace. Made again from what was kept, it serves within 2 minutes; nothing is lost."""
    outcome = drill(str(HERE / "namespace-deleted.yaml"), component="web", rto="2 min", rpo="0 s", recovered_by="stop")
    assert outcome.met, outcome


def test_namespace_restored(drill: Drill) -> None:
    """I delete the shop's namespace. Restored from a backup without volumes it serves, and all is lost."""
    outcome = drill(str(HERE / "namespace-restored.yaml"), component="web", rto="2 min", rpo="1 h")
    assert outcome.met, outcome
    assert outcome.writes.lost, f"the backup has no volumes: {outcome}"
