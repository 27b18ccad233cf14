"""What is done to a cluster says on itself when it has to be over: whoever did it may be gone by then."""

from collections.abc import Mapping
from datetime import UTC, datetime

EXPIRES = "drillyard/expires-at"  # an annotation: ISO 8601, UTC


def said(at: datetime | None) -> dict[str, str | None]:
    """Write the annotation; None takes it away, or has nothing said."""
    return {EXPIRES: at.astimezone(UTC).isoformat(timespec="seconds") if at else None}


def later(at: datetime | None, annotations: Mapping[str, str]) -> dict[str, str | None]:
    """Write the annotation of what is in two faults at once: the later time holds for both."""
    try:
        already = datetime.fromisoformat(annotations.get(EXPIRES, ""))
        return said(max(at, already) if at else None)
    except (ValueError, TypeError):
        return said(at)


def is_due(annotations: Mapping[str, str] | None, now: datetime | None) -> bool:
    """Tell whether its time is over; everything's is when `now` is None. What says nothing has no time.

    What says something that nobody can read is due: it must not stay for ever.
    """
    text = (annotations or {}).get(EXPIRES)
    if now is None or text is None:
        return now is None
    try:
        return datetime.fromisoformat(text) <= now
    except (ValueError, TypeError):
        return True
