"""The control socket, from the side of whoever answers: a JSON line in, one back. Standard library only.

`{"do": "links.cut", ...}` calls `links.cut` of targets/lab/verbs/ with the lab and the other fields.  A socket that
more can reach than may ask has a word: whoever does not say it is not answered.
"""

import asyncio
import importlib
import importlib.util
import inspect
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from targets.target import BadInput, DrillyardError

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(lab: object, word: str = "") -> Answering:
    """Give what answers one connection to the control socket of a lab, to those who say the word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):
            request = json.loads(await reader.readline())
            if secrets.compare_digest(str(request.pop("word", "")), word):
                answer = await _answer(lab, request)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    return serve


async def _answer(lab: object, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"ok": await _verb(str(request.pop("do", "")))(lab, **request)}
    except DrillyardError as error:
        return {"error": str(error), "kind": type(error).__name__}
    except (OSError, TypeError) as error:
        return {"error": f"the lab could not do that: {error}", "kind": "TargetError"}


def _verb(asked: str) -> Callable[..., Awaitable[Any]]:
    """Find a public coroutine function of a module in targets/lab/verbs/."""
    module, _, verb = asked.partition(".")
    if not module.isidentifier() or importlib.util.find_spec(f"targets.lab.verbs.{module}") is None:
        raise BadInput(f"the lab knows no request {asked!r}")
    found = getattr(importlib.import_module(f"targets.lab.verbs.{module}"), verb, None)
    if verb.startswith("_") or not inspect.iscoroutinefunction(found):
        raise BadInput(f"the lab knows no request {asked!r}")
    return found
