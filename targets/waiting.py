"""Waiting for a condition, with the reason when it does not come."""

import time
from collections.abc import Callable
from typing import TypeVar

from targets.target import TargetError

T = TypeVar("T")

POLL_S = 0.02


def until(condition: Callable[[], T | None], timeout_s: float, what: str, poll_s: float = POLL_S) -> T:
    """Ask until the answer is something, and give that; a condition says "not yet" by None, False or TargetError.

    TargetError names `what` and the last reason when `timeout_s` seconds did not suffice.
    """
    ends = time.monotonic() + timeout_s
    while True:
        reason = "not yet"
        try:
            if found := condition():
                return found
        except TargetError as error:
            reason = str(error)
        if time.monotonic() > ends:
            raise TargetError(f"{what}: not within {timeout_s:g} s ({reason})")
        time.sleep(poll_s)
