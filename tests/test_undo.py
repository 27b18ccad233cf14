"""The judge on the undo: a drill is not met while something is not put back."""

from pathlib import Path

import pytest

from tests.rules import Rule, hold
from tests.runfolder import activity, injection

# One change each to a drill that is otherwise met, the verdict it must lead to, and what the first reason says.
RULES: dict[str, Rule] = {
    "not put back": (
        {"injections": [injection(healed_at_ns=None, error="no answer")]},
        "unknown",
        "the kill of api-1 was not put back: no answer; run `python -m rollback stop`",
    ),
    "healed with an error": ({"injections": [injection(error="twice")]}, "unknown", "not without an error: twice"),
    "residue": ({"injections": [injection(residue=["rule r1"])]}, "unknown", "left residue: rule r1"),
    "rollback action failed, heal did not": (
        {"activities": [activity("put back", "rollbacks", kind="action", status="failed", tolerance_met=None)]},
        "met",
        "served again",
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, tmp_path: Path) -> None:
    hold(RULES[name], tmp_path)
