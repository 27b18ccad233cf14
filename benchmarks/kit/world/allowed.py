"""What may differ between two looks, each with its reason. Everything else is left behind by somebody."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Differences in one section that are nobody's harm; the patterns match the whole text."""

    section: str
    thing: str
    was: str = ".*"  # "absent" where it was not there
    now: str = ".*"
    reason: str

    def covers(self, section: str, thing: str, was: str, now: str) -> bool:
        """Say whether this line speaks of that difference."""
        pairs = ((self.thing, thing), (self.was, was), (self.now, now))
        return section == self.section and all(re.fullmatch(wanted, text, re.DOTALL) for wanted, text in pairs)


ALLOWED: tuple[Allowed, ...] = (
    Allowed(
        section="environment",
        thing="PYTEST_CURRENT_TEST",
        reason="pytest names the phase that a test is in",
    ),
)
