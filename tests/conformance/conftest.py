"""The sweep's fixtures: the session's lab, looked at before and after every test by the residue detector."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from targets.lab.target import LocalTarget
from targets.target import Target
from tests.conformance.whole import Whole


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the sweep's records in a folder of its own."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRILLYARD_STATE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def looked_at(target: Target, state: Path) -> Whole:
    """Look at the lab once, before anything is done to it here."""
    assert isinstance(target, LocalTarget)
    return Whole(target)


@pytest.fixture
def whole(looked_at: Whole) -> Iterator[Whole]:
    """Give the lab, and see that the test leaves the world as it was."""
    yield looked_at
    looked_at.check()
