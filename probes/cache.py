"""Probes of the catalogue's read-through cache: the share of reads it answers, told by every API replica's counters."""

import json
import time
from typing import Any, NamedTuple

from probes import http
from probes.nodes import ask
from targets.target import Node, TargetError
from targets.where import target

LOOK_S = 0.2  # one look at the counters to the next: about 10 reads of the measuring client
READS = 5  # and these, so that there is a rate also when nobody else reads

STATUS_OK = 200


class Count(NamedTuple):
    """What one replica counted since it started."""

    hits: int
    misses: int


Counters = dict[str, Count]  # by node


def hit_rate(at_least: float = 0.0, within_s: float = 10.0) -> float:
    """Give the share of reads that the cache answers, 0 to 1: the first that reaches `at_least`, else the last.

    To be trusted because every replica counts each read it served, whoever asked.  TargetError when one of them does
    not answer, or was started anew meanwhile.
    """
    return _watched(at_least, within_s)[-1][1]


def warming(until_rate: float, within_s: float) -> dict[str, Any]:
    """Watch the share grow until it reaches `until_rate`, for so long: {"rates": [[seconds, share], ...], "warm": ...}.

    TargetError as for `hit_rate`.
    """
    rates = _watched(until_rate, within_s)
    return {"rates": rates, "warm": rates[-1][1] >= until_rate}


def _watched(at_least: float, within_s: float) -> list[tuple[float, float]]:
    began, rates, before = time.monotonic(), [], _counters()
    while True:
        _let_some_read()
        after, passed = _counters(), time.monotonic() - began
        rates.append((round(passed, 2), round(_share(before, after), 3)))
        before = after
        if rates[-1][1] >= at_least or passed > within_s:
            return rates


def _let_some_read() -> None:
    for _ in range(READS):
        began = time.monotonic()
        if http.ask("api", "/products/any").status != STATUS_OK:
            raise TargetError("api: a product cannot be read")
        time.sleep(max(0.0, LOOK_S / READS - (time.monotonic() - began)))


def _share(before: Counters, after: Counters) -> float:
    if before.keys() != after.keys() or any(sum(after[node]) < sum(before[node]) for node in after):
        raise TargetError("api: a replica was started anew, so its counters say nothing")
    hits = sum(after[node].hits - before[node].hits for node in after)
    misses = sum(after[node].misses - before[node].misses for node in after)
    return hits / (hits + misses)


def _counters() -> Counters:
    nodes = target().nodes("api")
    found = ask(nodes, _count)
    if len(found) < len(nodes):
        raise TargetError(f"api: {len(nodes) - len(found)} of {len(nodes)} replicas do not tell their counters")
    return found


def _count(node: Node) -> Count:
    answer = http.ask_node(node, "/cache")
    if answer.status != STATUS_OK:
        raise TargetError(f"{node.name}: HTTP {answer.status} to GET /cache")
    said = json.loads(answer.body)
    return Count(hits=said["hits"], misses=said["misses"])
