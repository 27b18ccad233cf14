"""When an injection can have hurt: from the first blow to the last, where whoever deals them tells of them.

Around them much is done that hurts nobody: asking who is there, marking whom to find again.  In clusters it is most of
the time that an injection takes, and all of it would be doubt about the moment from which an RTO counts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_dealt: list[tuple[int, int]] = []


@contextmanager
def dealt() -> Iterator[None]:
    """Tell that what is done meanwhile may hurt; from any thread."""
    began = time.monotonic_ns()
    try:
        yield
    finally:
        _dealt.append((began, time.monotonic_ns()))


def timed(inject: Callable[[], None]) -> tuple[int, int]:
    """Inject; gives when that can have hurt for the first time and for the last, ns of time.monotonic_ns().

    Of an injection that tells of no blow: when it began, and when it was over.  A process injects one at a time.
    """
    _dealt.clear()
    began = time.monotonic_ns()
    inject()
    over = time.monotonic_ns()
    first, last = zip(*_dealt, strict=True) if _dealt else ((began,), (over,))
    return min(first), max(last)
