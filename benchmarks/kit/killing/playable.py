"""Which drills there are, and which of them a lab of a kind is able to play."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

from targets import places
from targets.target import DrillyardError

PLAN = "drillyard-plan"  # the property of a planned drill


def drills(kind: str, chosen: str) -> list[str]:
    """Name those that match, as pytest's -k does, by their pytest ids. DrillyardError when there are none.

    A lab is brought up, and every drill planned on it: each kind lacks abilities that some drill asks for.
    """
    select = ["-k", chosen] if chosen else []
    found = [line for line in _pytest("--collect-only", "-q", *select).splitlines() if "::" in line]
    if found:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "plans.xml")
            _pytest("--plan", "--target", kind, "--junitxml", str(file), *select)
            unable = _unable(file)
        found = [each for each in found if _name(each) not in unable]
    if not found:
        raise DrillyardError(f"-k {chosen}: there is no such drill that a lab of kind {kind} can play")
    return found


def _unable(file: Path) -> set[str]:
    """Name those that the lab is unable to play, as a report's file names them."""
    plans = {
        f"{case.get('classname')}.{case.get('name')}": json.loads(str(told.get("value")))
        for case in ET.parse(file).iter("testcase")  # noqa: S314  pytest wrote it a moment ago
        for told in case.iter("property")
        if told.get("name") == PLAN
    }
    return {name for name, plan in plans.items() if "unable" in plan}


def _name(pytest_id: str) -> str:
    file, _, test = pytest_id.partition("::")
    return f"{file.removesuffix('.py').replace('/', '.')}.{test}"


def _pytest(*words: str) -> str:
    argv = [sys.executable, "-m", "pytest", "drills/", *words]
    ran = subprocess.run(argv, cwd=places.ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise DrillyardError(f"pytest finds no drills: {(ran.stderr or ran.stdout).strip()[-300:]}")
    return ran.stdout
