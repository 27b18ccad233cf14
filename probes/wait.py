"""Waiting for a fault to have been in force long enough."""

import time

STEP_S = 0.1


def hold(seconds: float) -> float:
    """Keep things as they are for `seconds`, give that number back.

    A probe, for a method, since it changes nothing: a fault that is undone at once shows how a system blinks, not how
    it recovers.  It sleeps in small steps, because an interrupted sleep is where Ctrl-C must get through.
    """
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, STEP_S))
    return seconds
