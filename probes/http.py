"""Probes of HTTP components: what a caller outside gets, on a connection of its own each time."""

import asyncio
import json
from typing import Any

from probes.attempt import Attempt, NoAnswer
from probes.nodes import ask as ask_nodes
from probes.wire.http import Answer, Call, exchange, prepare
from targets.abilities import Killable, Scalable
from targets.target import Node, TargetError
from targets.telling import Fetching
from targets.waiting import until
from targets.where import target

TIMEOUT_S = 3.0  # above the deadline that every handler of the lab keeps


def status(component: str = "api", path: str = "/health") -> int:
    """Ask for the status code of a path, 0 when no whole answer comes within 3 s.

    To be trusted because it takes the callers' way, front door included, and reads the body to its end.
    """
    try:
        return ask(component, path).status
    except TargetError:
        return 0


def await_status(component: str = "api", path: str = "/health", expect: int = 200, timeout_s: float = 10.0) -> int:
    """Wait until a path answers with the status code `expect`, and return it. TargetError after `timeout_s`.

    To be trusted as far as `status` is: a single good answer, so how long it lasts is for the client to say.
    """
    until(lambda: status(component, path) == expect, timeout_s, f"{component} to answer {path} with {expect}")
    return expect


def await_every(component: str = "api", path: str = "/health", expect: int = 200, timeout_s: float = 10.0) -> int:
    """Wait until each node of a component runs and, asked itself, answers a path with `expect`; say how many there are.

    To be trusted because a front door that hides a bad node is not asked.  TargetError after `timeout_s`.
    """
    there = target()
    wanted = there.scaled(component) if isinstance(there, Scalable) else len(there.nodes(component))

    def good(node: Node) -> bool:
        runs = not isinstance(there, Killable) or there.incarnation(node.name)  # a kubelet says so after it answers
        return bool(runs) and ask_node(node, path).status == expect

    def every() -> bool:
        nodes = there.nodes(component)  # anew each time: on a cluster one that dies is replaced by another
        return len(nodes) >= wanted and all(ask_nodes(nodes, good).get(node.name) for node in nodes)

    until(every, timeout_s, f"every node of {component} to answer {path} with {expect}")
    return wanted


def field(component: str, path: str, key: str) -> Any:
    """Ask for one key of a path's JSON answer, whatever its status; None when there is no such key or no answer.

    To be trusted as far as the service's own word goes: use it beside a probe that looks from outside.
    """
    try:
        found = json.loads(ask(component, path).body)
    except (TargetError, ValueError):
        return None
    return found.get(key) if isinstance(found, dict) else None


def upload_status(component: str = "api", name: str = "drillyard-probe") -> int:
    """Upload a small document and give the status code, 0 when no whole answer comes within 3 s.

    To be trusted because it is the real operation: object and row are both written.
    """
    try:
        return ask(component, f"/documents/{name}", method="PUT", body=f"document {name}").status
    except TargetError:
        return 0


def ask(component: str, path: str, method: str = "GET", body: str | None = None) -> Answer:
    """Make one request to a component's endpoint. TargetError when no whole answer comes within 3 s."""
    call = prepare(target().endpoint(component).rstrip("/") + path, method, body)
    return _exchanged(call, f"{component}: no answer to {method} {path}")


def ask_node(node: Node, path: str) -> Answer:
    """Make one GET request to one node. TargetError when no whole answer comes within 3 s."""
    there = target()
    if not node.endpoint and isinstance(there, Fetching):
        return Answer(*there.fetch(node.name, path))
    return _exchanged(prepare(node.endpoint.rstrip("/") + path), f"{node.name}: no answer to GET {path}")


def _exchanged(call: Call, what: str) -> Answer:
    try:
        return asyncio.run(asyncio.wait_for(exchange(call, Attempt()), TIMEOUT_S))
    except (NoAnswer, OSError, EOFError) as error:  # TimeoutError is an OSError
        raise TargetError(f"{what} ({str(error) or 'timeout'})") from None
