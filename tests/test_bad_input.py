"""Bad input is one clear line, an exit code that is not 0, and nothing injected."""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments import run
from reports.outcome import Outcome
from rollback import journal

ROOT = Path(__file__).parent.parent
LAB = (ROOT / "targets" / "systems" / "lab.toml").read_text()


def drills(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "drills/", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('rto = "15 min"', 'rto = "5 parsecs"', "components.api.rto = '5 parsecs'"),
        ('rto = "15 min"', 'rto = "15 min"\ncolour = "red"', "components.api.colour = 'red': no such key"),
    ],
)
def test_a_wrong_system_file(tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "mine.toml").write_text(LAB.replace(old, new, 1))
    done = drills("--system", str(tmp_path / "mine.toml"))
    assert done.returncode == 4
    assert len(done.stderr.strip().splitlines()) == 1
    assert "mine.toml" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize(
    ("target", "code", "says"),
    [
        ("mars", 4, "no target is called 'mars'; use local"),
        ("local:/nowhere", 2, "--target local:/nowhere: local:/nowhere: no lab is up there"),
    ],
)
def test_a_target_that_is_not_there(target: str, code: int, says: str) -> None:
    done = drills("--target", target)
    assert done.returncode == code
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("experiment", "asked", "says"),
    [
        ("nowhere", {"component": "api"}, "experiment 'nowhere'.*there are .*api-cut-from-primary"),
        ("api-killed", {"component": "web"}, "no component 'web'; it has api"),
        ("api-killed", {"component": "sentinel"}, "components.sentinel has no `watch`"),
        ("api-killed", {"component": "api", "rto": "5 parsecs"}, "'5 parsecs' is not a duration"),
        ("api-killed", {"component": "api", "rto": "2 h"}, "may only narrow"),
        ("api-killed", {"component": "api", "spares": ["web"]}, "no component 'web'"),
    ],
)
def test_a_drill_that_makes_no_sense(
    drill: Callable[..., Outcome], experiment: str, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match=says):
        drill(experiment, **asked)
    assert journal.open_records() == ((), ())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"fault": "kill", "component": "mongodb"}, "no component 'mongodb'; it has"),
        ({"fault": "kill", "component": "postgres", "role": "arbiter"}, "has 0 nodes of role 'arbiter'"),
        ({"fault": "kill", "komponent": "api"}, "it takes component, role"),
    ],
)
def test_an_injection_that_the_target_cannot_take(
    drill: Callable[..., Outcome], arguments: dict[str, str], says: str
) -> None:
    script = copy.deepcopy(run.load("api-killed"))
    script["method"][0]["provider"]["arguments"] = arguments
    with pytest.raises(pytest.fail.Exception, match=says):
        drill(script, component="api")
    assert journal.open_records() == ((), ())
