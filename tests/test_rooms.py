"""The room law: imports run downward only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY = {
    "targets": set(),
    "experiments": {"targets"},
    "probes": {"targets"},
    "rollback": {"targets", "experiments", "probes"},
    "reports": set(),
    "drills": {"reports"},  # the outcome's type, for the reader; everything else comes through fixtures
    "benchmarks": {"targets", "experiments", "probes", "rollback", "reports"},
}
ROOMS = {*MAY, "tests", "conftest"}
FLOOR_5 = set((ROOT / "drills" / "harness").glob("*.py"))  # conftest's other half
FILES = sorted(path for room in MAY for path in (ROOT / room).rglob("*.py") if "runs" not in path.parts)


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found |= {name.partition(".")[0] for name in names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_downward(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    may = ROOMS if path in FLOOR_5 else MAY[room]
    upward = (imported(path) & ROOMS) - may - {room}
    assert not upward, f"{path.name} in {room} imports {upward}"


@pytest.mark.parametrize("path", [*FILES, ROOT / "conftest.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


def test_only_run_imports_chaoslib() -> None:
    assert [path.name for path in FILES if "chaoslib" in imported(path)] == ["run.py"]


@pytest.mark.parametrize("room", ["targets", "experiments", "probes", "rollback", "reports"])
def test_every_room_says_what_it_may_import(room: str) -> None:
    doc = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text())) or ""
    assert "May import:" in doc
