"""From a system's description to what the client does: which requests and which ledgers stand for a component."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from targets.systems import System
from targets.target import BadInput

INTERVAL_S = 0.02  # between two requests of a stream; half of what the RTO's bound is made of
TIMEOUT_S = 1.0  # after which a caller gives up
TICKS = 5  # at least as many requests of the slowest source make a window
WINDOW_S = 0.5  # every request served for this long: the service is called recovered


@dataclass(frozen=True, kw_only=True)
class Watching:
    """The streams and ledgers of one component, in the client's own terms."""

    streams: tuple[dict[str, Any], ...]
    ledgers: tuple[dict[str, Any], ...]

    @property
    def names(self) -> list[str]:
        """Name the streams, and the ledgers, whose writes are requests too."""
        return [source["name"] for source in (*self.streams, *self.ledgers)]


class Doors(Protocol):
    """What says where components are reached: a target."""

    def endpoint(self, component: str) -> str:
        """Give the URL at which a component's callers reach it."""


def watching(target: Doors, system: System, name: str, *, ledger_id: str) -> Watching:
    """Say how `name` is watched. BadInput when the system's file does not tell."""
    component = system.component(name)
    if component.watch is None:
        raise BadInput(f"system {system.name!r}: components.{name} has no `watch`: add what its callers do")
    watch = component.watch
    base = target.endpoint(watch.at)
    url = _as(watch.user, base)
    stream: dict[str, Any] = {"name": name, "kind": watch.kind, "url": url, "interval_s": watch.every}
    if watch.kind == "http":
        stream |= {
            "url": base + watch.path,
            "method": watch.method,
            "body": watch.body,
            "expect": watch.expect,
            "headers": watch.headers,
        }
    return Watching(streams=(stream,), ledgers=ledgers(target, system, name, ledger_id=ledger_id))


def ledgers(target: Doors, system: System, name: str, *, ledger_id: str) -> tuple[dict[str, Any], ...]:
    """Say what is written for `name`, and where: one ledger, or none."""
    kept = system.component(name).ledger
    if kept is None:
        return ()
    place = {"name": f"{name}-writes", "url": target.endpoint(kept.at), "id": ledger_id}
    return (place | {"interval_s": kept.every} | kept.model_dump(exclude={"at", "every"}),)


def _as(user: str, url: str) -> str:
    scheme, _, rest = url.partition("://")
    place, slash, more = rest.partition("/")
    return f"{scheme}://{user}@{place.rpartition('@')[2]}{slash}{more}" if user else url


def judged(held: Sequence[Watching], spared: Sequence[Watching]) -> dict[str, Any]:
    """Say what of it is judged, and whose callers must not notice anything."""
    return {
        "streams": [name for one in held for name in one.names],
        "ledgers": [ledger["name"] for one in held for ledger in one.ledgers],
        "spares": [name for one in spared for name in one.names],
        **_pace([*held, *spared], slowest=True),
    }


def spec(watched: Sequence[Watching]) -> dict[str, Any]:
    """Join several into what the client is told."""
    return {
        "streams": [stream for one in watched for stream in one.streams],
        "ledgers": [ledger for one in watched for ledger in one.ledgers],
        **_pace(watched, slowest=False),
    }


def _pace(watched: Sequence[Watching], *, slowest: bool) -> dict[str, float]:
    """Give the times: the judge is told the slowest source's interval, for every bound is to hold for all of them."""
    own = [source["interval_s"] or INTERVAL_S for one in watched for source in (*one.streams, *one.ledgers)]
    return {
        "interval_s": max(own, default=INTERVAL_S) if slowest else INTERVAL_S,
        "timeout_s": TIMEOUT_S,
        "window_s": max([WINDOW_S, *(TICKS * interval for interval in own)]),
    }
