"""The links between the nodes, and the rules in force on them."""

from typing import TYPE_CHECKING, Any

from targets.abilities import Rule
from targets.lab.layout import part
from targets.lab.verdict import DELAY, DIRECTIONS, DROP, ERRORS, MODES
from targets.target import BadInput

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

MOST_DELAY_S = 60
HTTP = ("objects", "api")


async def cut(lab: "Supervisor", **rule: Any) -> None:
    """Put a rule in force."""
    rule = {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items()}
    lab.links.cut(_checked(lab, Rule(**rule)))


async def uncut(lab: "Supervisor", id: str) -> None:  # noqa: A002  the field's name on the wire
    """Take a rule away."""
    lab.links.uncut(id)


async def cuts(lab: "Supervisor") -> list[str]:
    """List the ids of the rules in force."""
    return lab.links.cuts()


def _checked(lab: "Supervisor", rule: Rule) -> Rule:
    if wrong := _wrong(rule):
        raise BadInput(f"rule {rule.id}: {wrong}")
    for name in {*rule.sources, *rule.destinations} - {"*", "outside"}:
        lab.node(name)
    if not any(name == "*" or name in lab.links.doors for name in rule.destinations):
        listed = ", ".join(rule.destinations) or "no node"
        raise BadInput(f"rule {rule.id}: {listed} takes no connections, so the cut would do nothing")
    if rule.mode == ERRORS and any(name == "*" or part(name).component not in HTTP for name in rule.destinations):
        raise BadInput(f"rule {rule.id}: only {' and '.join(HTTP)} speak HTTP; reject connections of the others")
    return rule


def _wrong(rule: Rule) -> str | None:
    if rule.mode not in MODES:
        return f"mode {rule.mode!r}; use {', '.join(MODES)}"
    if rule.direction not in DIRECTIONS or (rule.direction != "both" and rule.mode not in (DROP, DELAY)):
        return f"direction {rule.direction!r} with {rule.mode}; drop and delay take {', '.join(DIRECTIONS)}"
    if rule.mode == DELAY and not 0 < rule.seconds <= MOST_DELAY_S:
        return f"seconds={rule.seconds}; a delay takes up to {MOST_DELAY_S} seconds"
    if rule.mode == ERRORS and rule.status not in range(400, 600):
        return f"status={rule.status}; an error is 400 to 599"
    return None
