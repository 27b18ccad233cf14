"""Times of another machine's monotonic clock, told in this one's.

A question and its answer bound the difference: the other clock was read between the two (Cristian, 1989).  The shortest
of several bounds it best; it is asked before and after, and by how much the two differ joins the bound.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STAMPS = ("intended_ns", "sent_ns", "done_ns", "started_ns", "since_ns", "after_ns")


@dataclass(frozen=True, kw_only=True)
class Clock:
    """By how much this machine's clock is ahead of the other one, and how far that may be from the truth; ns."""

    offset_ns: int
    bound_ns: int

    def here(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Tell a row's times in this machine's."""
        return self._moved(row, self.offset_ns)

    def there(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Tell a row's times in the other one's."""
        return self._moved(row, -self.offset_ns)

    def record(self, text: str) -> str:
        """Tell the times of lines of JSON, or of an object of rows, in this machine's."""
        if text.endswith("\n"):
            return "".join(f"{json.dumps(self.here(json.loads(line)))}\n" for line in text.splitlines())
        return json.dumps({name: self.here(row) for name, row in json.loads(text).items()})

    def _moved(self, row: Mapping[str, Any], by_ns: int) -> dict[str, Any]:
        return {key: value + by_ns if key in STAMPS and value is not None else value for key, value in row.items()}


def read(asked_ns: int, there_ns: int, heard_ns: int) -> Clock:
    """Say what one question tells: asked and heard on this clock, answered with what the other one showed."""
    return Clock(offset_ns=(asked_ns + heard_ns) // 2 - there_ns, bound_ns=(heard_ns - asked_ns + 1) // 2)


def both(first: Clock, last: Clock) -> Clock:
    """Join what was read before with what was read after: what is told by the first is good to that bound."""
    drifted = abs(last.offset_ns - first.offset_ns)
    return Clock(offset_ns=first.offset_ns, bound_ns=max(first.bound_ns, last.bound_ns) + drifted)
