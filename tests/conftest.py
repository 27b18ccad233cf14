"""The tests' own drills are no evidence about the system: their records stay out of reports/runs/."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drills.harness.screen import NOBODY
from targets import where


@pytest.fixture(scope="session")
def kind_lab() -> Iterator[Any]:
    """Give the lab on a kind cluster that all tests of it share."""
    from tests import kindlab  # noqa: PLC0415  the clusters' client takes its time

    with kindlab.up() as lab:
        yield lab


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Give a cluster with the shop on it, which is not ours; one is made when none is named."""
    from targets.pods import sweep  # noqa: PLC0415
    from tests import shopcluster  # noqa: PLC0415

    with shopcluster.opened() as (there, built), pytest.MonkeyPatch.context() as patch:
        patch.setenv(where.OBSERVER_IMAGE, built)
        yield there
        assert not sweep.left(there)


@pytest.fixture
def yard(yard: Any, tmp_path: Path) -> Any:
    """Give the session's yard with a run folder of the test's own."""
    return replace(yard, folder=tmp_path / "run", screen=NOBODY, tells=False)
