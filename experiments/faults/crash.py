"""A host is lost: what its nodes had sent and nobody had received yet is gone with them, and nobody is told.

`kill -9` is no such thing: the kernel outlives the process, delivers what was written, and tells every peer.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from experiments.faults import Plan, able, chosen, rule, spelled
from targets.abilities import Killable, Partitionable
from targets.target import Target

KIND = "failover"


def plan(
    target: Target,
    *,
    component: str | Sequence[str],
    role: str | None = None,
    zone: str | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    """Name the running instances of the chosen nodes: each stands for a host that is lost at the same moment."""
    links = able(target, Partitionable, "silence a host")
    killable = able(target, Killable, "kill nodes")
    running = {name: killable.incarnation(name) for name in chosen(target, component, role, zone, count)}
    victims = [name for name, instance in running.items() if instance]
    components = [component] if isinstance(component, str) else list(component)
    reached = {node.name for each in components for node in target.nodes(each) if node.endpoint}
    crash, silence = f"crash-{uuid.uuid4().hex[:8]}", {"mode": "discard"}
    to = {"id": f"{crash}-to", "sources": ["*"], "destinations": [name for name in victims if name in reached]}
    of = {"id": f"{crash}-of", "sources": victims, "destinations": ["*"]}
    # first what leads to the hosts: there lies what their callers and standbys have not received yet
    rules = [words | silence for words in (to, of) if words["destinations"]]
    for words in rules:
        links.means(rule(words))  # checked here, before anything is hurt
    return {
        "victims": victims,
        "instances": {name: instance for name, instance in running.items() if instance},
        "rules": rules,
        "undo": "let the hosts be heard again and start their nodes",
    }


def inject(target: Target, plan: Plan) -> None:
    """Throw away what is in flight, then kill the nodes; nothing that they say in between is heard."""
    links = able(target, Partitionable, "silence a host")
    killable = able(target, Killable, "kill nodes")
    for words in plan["rules"]:
        links.cut(rule(words))
    with ThreadPoolExecutor(len(plan["instances"])) as pool:
        # for good: restarted on a host that is silent, a sentinel would think the master dead, and say so once healed
        list(pool.map(lambda name: killable.kill(name, plan["instances"][name], for_good=True), plan["instances"]))


def active(target: Target, plan: Plan) -> bool:
    """Tell whether a host is silent and its node dead or another one; False while any still runs unharmed."""
    killable = able(target, Killable, "kill nodes")
    if any(killable.incarnation(name) == instance for name, instance in plan["instances"].items()):
        return False
    cuts = able(target, Partitionable, "silence a host").cuts()
    return any(words["id"] in cuts for words in plan["rules"]) or bool(set(plan["victims"]) & set(killable.down()))


def heal(target: Target, plan: Plan) -> None:
    """Let the hosts be heard again, then start their nodes: a launcher may have to ask the others."""
    links = able(target, Partitionable, "silence a host")
    for words in plan["rules"]:
        links.uncut(words["id"])
    killable = able(target, Killable, "kill nodes")
    with ThreadPoolExecutor(len(plan["victims"])) as pool:  # together: some wait for one another
        list(pool.map(killable.start, plan["victims"]))


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to let the hosts be heard again and to start their nodes."""
    silences = [line for words in plan["rules"] for line in spelled(target, "uncut", words["id"])]
    return silences + [line for name in plan["victims"] for line in spelled(target, "start", name)]


def residue(target: Target) -> list[str]:
    """Name the silences in force; nodes that are down are the residue of `kill`."""
    cuts = able(target, Partitionable, "silence a host").cuts()
    return [f"silence {cut} is in force" for cut in sorted(cuts) if cut.startswith("crash-")]
