"""One request, and the three things that can become of it: acked, failed (certainly not done), unknown."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

ACKED, FAILED, UNKNOWN = "acked", "failed", "unknown"


class Refusal(Exception):
    """The server answered that it did not do it."""


class NoAnswer(Exception):
    """No answer, a torn one, or one that settles nothing."""


@dataclass(kw_only=True)
class Attempt:
    """What the outcome of a request depends on besides its answer."""

    sent: bool = False  # set before the first byte of the request leaves: from then on silence is `unknown`


async def perform(request: Callable[[Attempt], Awaitable[None]], timeout_s: float) -> tuple[str, str | None]:
    """Make one request within `timeout_s` seconds: (acked | failed | unknown, error text or None)."""
    attempt = Attempt()
    try:
        async with asyncio.timeout(timeout_s):
            await request(attempt)
    except Refusal as refusal:
        return FAILED, one_line(refusal)
    except TimeoutError:
        error = f"no {'answer' if attempt.sent else 'connection'} within {timeout_s:g} s"
    except (NoAnswer, OSError, EOFError) as failure:
        error = one_line(failure)
    else:
        return ACKED, None
    return (UNKNOWN if attempt.sent else FAILED), error


def one_line(error: BaseException) -> str:
    """Tell an error in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__
