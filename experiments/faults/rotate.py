"""Rotate a Secret, and nobody else knows: who runs goes on with the old values, who starts anew has wrong ones."""

from collections.abc import Sequence
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.clustered import Secretive
from targets.target import Target

KIND = "other"
WHAT = "rotate secrets"


def plan(target: Target, *, component: str, secret: str, keys: str | Sequence[str] = ()) -> dict[str, Any]:
    """Find the Secret in the component's namespace; some of its keys, or all."""
    named = [keys] if isinstance(keys, str) else list(keys)
    return {
        "victims": chosen(target, component),
        "namespace": able(target, Secretive, WHAT).rotatable(component, secret, named),
        "secret": secret,
        "keys": named,
        "undo": "give it its old values; who started meanwhile has the wrong ones until it starts anew",
    }


def inject(target: Target, plan: Plan) -> None:
    """Give it other values."""
    able(target, Secretive, WHAT).rotate(plan["namespace"], plan["secret"], plan["keys"])


def active(target: Target, plan: Plan) -> bool:
    """Tell whether it has them."""
    return f"{plan['namespace']}/{plan['secret']}" in able(target, Secretive, WHAT).rotated()


def heal(target: Target, plan: Plan) -> None:
    """Give it its old ones."""
    able(target, Secretive, WHAT).rotate_back(plan["namespace"], plan["secret"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to give it its old ones."""
    return spelled(target, "rotate_back", plan["namespace"], plan["secret"])


def residue(target: Target) -> list[str]:
    """Name the Secrets that have values of ours."""
    return [f"Secret {each} has other values" for each in sorted(able(target, Secretive, WHAT).rotated())]
