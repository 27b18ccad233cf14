"""The judge's rules, one run folder each: it breaks one of them and nothing else."""

from pathlib import Path

from reports.measures import Outcome, judge
from tests.runfolder import Records, between

Rule = tuple[dict[str, object], str, str]  # what is changed, the verdict, what the first reason says

API = {"streams": ["api"], "ledgers": []}
LONG = between((0.1, 3.1))


def of(folder: Path, **changed: object) -> Outcome:
    """Judge a drill that is met but for what is changed."""
    return judge(Records(**changed).lay(folder))


def hold(rule: Rule, tmp_path: Path) -> None:
    """Demand that a changed drill gets its verdict, for the reason it was changed in."""
    changed, verdict, says = rule
    outcome = of(tmp_path, **changed)
    assert outcome.verdict == verdict, outcome
    broken_off = outcome.why[0] == "interrupted"
    assert says in outcome.why[broken_off], outcome
    assert ("interrupted" in outcome.why) == broken_off, outcome
    assert outcome.met == (verdict == "met")
