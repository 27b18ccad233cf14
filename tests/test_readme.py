"""What the README's tables list is what there is."""

import re
from pathlib import Path

from experiments import faults

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def rows() -> set[str]:
    """List the first cells of all tables."""
    return set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))


def test_every_fault_and_drill_is_listed_and_nothing_else() -> None:
    files = (ROOT / "drills").glob("test_*.py")
    drills = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert rows() == drills | set(faults.names())


def test_every_option_that_the_readme_names_is_there() -> None:
    source = (ROOT / "conftest.py").read_text() + (ROOT / "rollback" / "__main__.py").read_text()
    for option in ("--target", "--arm", "--approved-by"):
        assert option in README
        assert f'"{option}"' in source
