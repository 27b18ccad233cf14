"""One request, and the three things that can become of it: acked, failed (certainly not done), unknown."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

ACKED, FAILED, UNKNOWN = "acked", "failed", "unknown"


class Refusal(Exception):
    """The server answered that it did not do it."""


class NoAnswer(Exception):
    """No answer, a torn one, or one that settles nothing."""


FAILURES = (Refusal, NoAnswer, TimeoutError, OSError, EOFError)  # what a request may raise


@dataclass(kw_only=True, slots=True)
class Attempt:
    """What the outcome of a request depends on besides its answer."""

    sent: bool = False  # set before the first byte of the request leaves: from then on silence is `unknown`


class Flight(Protocol):
    """A request under way that needs no task."""

    over: bool

    def give_up(self) -> None:
        """End it as one whose time is over; nothing to do when it is over."""


async def perform(request: Callable[[Attempt], Awaitable[None]], timeout_s: float) -> tuple[str, str | None]:
    """Make one request within `timeout_s` seconds: (acked | failed | unknown, error text or None)."""
    attempt = Attempt()
    try:
        async with asyncio.timeout(timeout_s):
            await request(attempt)
    except FAILURES as failure:
        return settle(failure, attempt, timeout_s)
    return ACKED, None


def settle(failure: BaseException | None, attempt: Attempt, timeout_s: float) -> tuple[str, str | None]:
    """Say what became of a request that ended so; None: as expected."""
    if failure is None:
        return ACKED, None
    if isinstance(failure, Refusal):
        return FAILED, one_line(failure)
    if isinstance(failure, TimeoutError):
        error = f"no {'answer' if attempt.sent else 'connection'} within {timeout_s:g} s"
    else:
        error = one_line(failure)
    return (UNKNOWN if attempt.sent else FAILED), error


def one_line(error: BaseException) -> str:
    """Tell an error in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
