"""What the rules in force come to for one link, as `targets.rules.Rule` says. Standard library only."""

from collections.abc import Iterable
from dataclasses import dataclass

from targets.rules import Rule

PASS, DROP, DISCARD, REJECT, ERRORS, DELAY = "pass", "drop", "discard", "reject", "errors", "delay"
_STRONGEST_FIRST = (DISCARD, DROP, REJECT, ERRORS)


@dataclass(frozen=True, kw_only=True)
class Way:
    """What happens to what goes one way over a link."""

    held: bool = False
    seconds: float = 0.0  # of delay


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is to happen to a link."""

    mode: str = PASS  # a delay passes
    there: Way = Way()
    back: Way = Way()
    status: int = 0

    @property
    def silent(self) -> bool:
        """Tell whether a connection can neither be opened nor refused."""
        return self.mode in (DROP, DISCARD)


PASSES = Verdict()


def verdict(rules: Iterable[Rule]) -> Verdict:
    """Combine all rules that concern one link."""
    ruling = list(rules)
    modes = {rule.mode for rule in ruling}
    return Verdict(
        mode=next((mode for mode in _STRONGEST_FIRST if mode in modes), PASS),
        there=_way(ruling, "there"),
        back=_way(ruling, "back"),
        status=max((rule.status for rule in ruling if rule.mode == ERRORS), default=0),
    )


def _way(rules: list[Rule], way: str) -> Way:
    here = [rule for rule in rules if rule.direction in (way, "both")]
    return Way(
        held=any(rule.mode == DROP for rule in here),
        seconds=sum(rule.seconds for rule in here if rule.mode == DELAY),
    )
