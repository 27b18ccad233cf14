"""The red button from another shell while real drills run: they learn of it, inject no more, and are unknown."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollback import marks
from rollback import stop as stopping
from targets.target import Target
from tests.interrupting import Session, session
from tests.test_interrupt import MOMENTS

DRILLS = ("drills/test_redis.py", "drills/test_api.py")
REASON = "tried from another shell"


def press(ran: Session, target: Target, *options: str) -> dict[str, Any]:
    """Press the button in a process of its own, which knows nothing but the state folder."""
    argv = [sys.executable, "-m", "rollback", "stop", "--json", "--reason", REASON, "--target", target.address]
    done = subprocess.run([*argv, *options], env={**os.environ, **ran.env}, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == said["clean"]
    return said


def injected(ran: Session) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in ran.run.glob("*/injections/*.json")]


@pytest.mark.parametrize(
    ("moment", "options"),
    [
        ("before the fault", ()),
        ("the fault is in force", ()),
        ("the fault is in force", ("-n", "2")),
        ("the final read", ()),
    ],
)
def test_a_running_drill_learns_of_it(target: Target, tmp_path: Path, moment: str, options: tuple[str, ...]) -> None:
    there: Callable[[Session], object] = MOMENTS[moment]
    with session(tmp_path / "s", "--target", target.address, *options, in_terminal=False, drills=DRILLS) as ran:
        assert ran.until(lambda: there(ran)), ran.out
        before = {injection["id"] for injection in injected(ran)}
        said = press(ran, target)
        assert said["clean"], said
        assert said["reason"] == REASON
        code = ran.end()
        assert code == 2, ran.out
        assert ran.left() == [], ran.out
        assert "Traceback" not in ran.out
        assert {injection["id"] for injection in injected(ran)} <= before | {r["id"] for r in said["healed"]}
        outcomes = ran.outcomes()
        stopped = [outcome for outcome in outcomes.values() if outcome["why"][0].startswith("stopped by hand")]
        assert stopped, outcomes
        assert len(outcomes) <= max(2, len(stopped)), outcomes  # no other drill began
        assert {outcome["verdict"] for outcome in stopped} == {"unknown"}
        assert REASON in stopped[0]["why"][0]
        assert "stopped by hand by" in ran.out
    assert stopping.residue(target) == []


def test_a_session_that_begins_afterwards_drills(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRILLYARD_STATE", str(tmp_path / "before"))
    marks.leave(by=marks.person(), reason=REASON, only=None)
    mark = (tmp_path / "before" / marks.FILE).read_bytes()
    with session(tmp_path / "s", "--target", target.address, "-k", "cut_off", in_terminal=False) as ran:
        (ran.folder / "state" / marks.FILE).write_bytes(mark)
        assert ran.end() == 0, ran.out
        assert [outcome["verdict"] for outcome in ran.outcomes().values()] == ["met"]
