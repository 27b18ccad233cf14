"""Who the client asks: one module per kind, found by its name; a new kind is one new file.

A module that offers `stream(spec)` is a kind of stream, one that offers `ledger(spec)` a kind of ledger; it may be
both.  What they give back is called once per tick with an `Attempt` and returns only when the answer was the
expected one, whole.  It sets `attempt.sent` before the first byte of the request leaves, raises `Refusal` when the
server said no, and `NoAnswer`, OSError or EOFError for anything else.  The client holds the time limit: a call is
cancelled at its timeout and must let go of its connection then.

What `stream` gives back may have an attribute `launch(attempt, landed)`, which does the same without a task: it returns
a `Flight` and calls `landed` once, with None or with what would have been raised.  None: it has to be awaited.

May import: `probes.attempt`, `probes.headers`, `probes.pool`, `probes.public`, `probes.spec` and `probes.wire`.
"""

import importlib
import importlib.util
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from probes.attempt import Attempt
from probes.spec import LedgerSpec, StreamSpec
from targets.target import BadInput

Request = Callable[[Attempt], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Numbered writes into one place, and the complete list of what is there."""

    write: Callable[[int, Attempt], Awaitable[None]]
    read: Callable[[], Awaitable[list[int]]]  # every stored number, one entry per stored row


class StreamKind(Protocol):
    """A module that can sample a service."""

    def stream(self, spec: StreamSpec) -> Request:
        """Prepare the request; ValueError names what is wrong with the spec."""


class LedgerKind(Protocol):
    """A module that can write numbers and read them all back."""

    def ledger(self, spec: LedgerSpec) -> Ledger:
        """Prepare the ledger; ValueError names what is wrong with the spec."""


def _module(kind: str) -> Any:
    name = f"{__name__}.{kind}"
    return importlib.import_module(name) if kind.isidentifier() and importlib.util.find_spec(name) else None


def offers(kind: str, ability: str) -> bool:
    """Tell whether a kind can be sampled ("stream"), or written and read back ("ledger")."""
    return hasattr(_module(kind), ability)


def _find(kind: str, ability: str) -> Any:
    module = _module(kind)
    if not hasattr(module, ability):
        raise BadInput(f"SPEC: no kind of {ability} is called {kind!r}; probes/subjects/ has one file per kind")
    return module


def stream(spec: StreamSpec) -> Request:
    """Prepare a stream's request. BadInput names the stream and what is wrong."""
    module: StreamKind = _find(spec.kind, "stream")
    try:
        return module.stream(spec)
    except ValueError as error:
        raise BadInput(f"SPEC: stream {spec.name!r}: {error}") from None


def ledger(spec: LedgerSpec) -> Ledger:
    """Prepare a ledger. BadInput names the ledger and what is wrong."""
    module: LedgerKind = _find(spec.kind, "ledger")
    try:
        return module.ledger(spec)
    except ValueError as error:
        raise BadInput(f"SPEC: ledger {spec.name!r}: {error}") from None
