"""The links between the nodes, and the rules in force on them."""

from typing import TYPE_CHECKING, Any

from targets.lab.layout import part
from targets.lab.verdict import ERRORS
from targets.rules import Rule
from targets.target import BadInput

if TYPE_CHECKING:
    from targets.lab.supervisor import Supervisor

HTTP = ("objects", "api")


async def cut(lab: "Supervisor", **rule: Any) -> None:
    """Put a rule in force."""
    await lab.reach.cut(_checked(lab, _rule(rule)))


async def means(lab: "Supervisor", **rule: Any) -> str:
    """Say what would keep a rule."""
    if lab.reach.by_kernel(_checked(lab, _rule(rule))):
        return "nftables in the network namespaces of the sources"
    return "the lab's links"


async def uncut(lab: "Supervisor", id: str) -> None:  # noqa: A002  the field's name on the wire
    """Take a rule away."""
    await lab.reach.uncut(id)


async def cuts(lab: "Supervisor") -> list[str]:
    """List the ids of the rules in force."""
    return await lab.reach.cuts()


def _rule(fields: dict[str, Any]) -> Rule:
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return Rule(**known)


def _checked(lab: "Supervisor", rule: Rule) -> Rule:
    for name in {*rule.sources, *rule.destinations} - {"*", "outside"}:
        lab.node(name)
    if not any(name == "*" or name in lab.links.doors for name in rule.destinations):
        listed = ", ".join(rule.destinations) or "no node"
        raise BadInput(f"rule {rule.id}: {listed} takes no connections, so the cut would do nothing")
    if rule.mode == ERRORS and any(name == "*" or part(name).component not in HTTP for name in rule.destinations):
        raise BadInput(f"rule {rule.id}: only {' and '.join(HTTP)} speak HTTP; reject connections of the others")
    return rule
