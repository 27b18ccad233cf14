"""The sweep's fixtures: the session's lab, looked at before and after every test by the residue detector."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from targets.boxes.target import ContainersTarget
from targets.lab.target import LocalTarget
from targets.target import Target
from tests.conformance.whole import Whole


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the sweep's records, and its temporary files, in folders of their own: others use this machine, too."""
    folder, temporary = tmp_path_factory.mktemp("state"), Path(tempfile.mkdtemp(prefix="sweep-"))
    temporary.chmod(0o711)  # PostgreSQL, which root runs as nobody, has to pass
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRILLYARD_STATE", str(folder))
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        yield folder
    temporary.rmdir()  # an error when anything is left in it


@pytest.fixture(scope="module")
def looked_at(target: Target, state: Path) -> Whole:
    """Look at the lab once, before anything is done to it here."""
    assert isinstance(target, LocalTarget | ContainersTarget)
    return Whole(target)


@pytest.fixture
def whole(looked_at: Whole) -> Iterator[Whole]:
    """Give the lab, and see that the test leaves the world as it was."""
    yield looked_at
    looked_at.check()
