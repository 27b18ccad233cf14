"""Deploy another release, a bad one, to every node of a component at once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Deployable, Killable
from targets.target import BadInput, Target

KIND = "other"


def plan(target: Target, *, component: str, release: str) -> dict[str, Any]:
    """Note the release of every node. BadInput when the component knows none, or has this one in force already."""
    deployable = able(target, Deployable, "deploy releases")
    given = {name: deployable.releases(name) for name in chosen(target, component)}
    if not all(given.values()):
        raise BadInput(f"release: {component} knows no releases; choose a component whose program can be replaced")
    previous = {name: releases[-1] for name, releases in given.items()}
    if release in previous.values():
        raise BadInput(f"release: {component} runs {release!r} already; choose another release")
    return {
        "victims": list(previous),
        "release": release,
        "previous": previous,
        "undo": f"deploy {', '.join(sorted(set(previous.values())))} again",
    }


def inject(target: Target, plan: Plan) -> None:
    """Deploy it everywhere, without waiting whether it starts."""
    deployable = able(target, Deployable, "deploy releases")
    with ThreadPoolExecutor(len(plan["victims"])) as pool:
        list(pool.map(lambda name: deployable.deploy(name, plan["release"]), plan["victims"]))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether any node is on the release."""
    deployable = able(target, Deployable, "deploy releases")
    return any(deployable.releases(name)[-1] == plan["release"] for name in plan["victims"])


def heal(target: Target, plan: Plan) -> None:
    """Deploy what each node had before, where that is not in force already, and wait until it serves."""
    with ThreadPoolExecutor(len(plan["victims"])) as pool:
        list(pool.map(lambda name: _restore(target, name, plan), plan["victims"]))


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to deploy what each node had before."""
    return [line for name, before in plan["previous"].items() for line in spelled(target, "deploy", name, before)]


def residue(target: Target) -> list[str]:
    """Name the nodes on another release than their first."""
    return [f"{name} runs another release" for name in able(target, Deployable, "deploy releases").strayed()]


def _restore(target: Target, name: str, plan: Plan) -> None:
    deployable = able(target, Deployable, "deploy releases")
    if deployable.releases(name)[-1] == plan["release"]:
        deployable.deploy(name, plan["previous"][name])
    able(target, Killable, "start nodes").start(name)
