"""A dependency answers every HTTP request with an error, as an overloaded or half-broken provider does."""

import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, rule, spelled
from targets.abilities import Partitionable
from targets.target import BadInput, Target

KIND = "dependency"


def plan(target: Target, *, component: str, status: int = 503, role: str | None = None) -> dict[str, Any]:
    """Name the nodes of `component` that will answer everybody with `status`. BadInput when they do not speak HTTP."""
    partitionable = able(target, Partitionable, "answer in the place of a server")
    victims = chosen(target, component, role)
    if not all((node.endpoint or "").startswith("http") for node in target.nodes(component, role)):
        raise BadInput(f"errors: {component} does not speak HTTP; use the fault outage, which refuses connections")
    words: dict[str, Any] = {"id": f"errors-{uuid.uuid4().hex[:8]}", "sources": ["*"], "destinations": victims}
    words |= {"mode": "errors", "status": status}
    partitionable.means(rule(words))  # it is checked here, before anything is hurt
    return {"victims": victims, "rule": words, "undo": "let the servers answer again"}


def inject(target: Target, plan: Plan) -> None:
    """Answer with the error from now on."""
    able(target, Partitionable, "answer in the place of a server").cut(rule(plan["rule"]))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether errors are answered."""
    return plan["rule"]["id"] in able(target, Partitionable, "answer in the place of a server").cuts()


def heal(target: Target, plan: Plan) -> None:
    """Let the servers answer again."""
    able(target, Partitionable, "answer in the place of a server").uncut(plan["rule"]["id"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to let the servers answer again."""
    return spelled(target, "uncut", plan["rule"]["id"])


def residue(target: Target) -> list[str]:
    """Name the rules by which errors are answered."""
    cuts = able(target, Partitionable, "answer in the place of a server").cuts()
    return [f"{cut} answers in a server's place" for cut in sorted(cuts) if cut.startswith("errors-")]
