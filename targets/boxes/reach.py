"""Who reaches whom: rules on the links of the front, and silence between nodes by nftables in the containers, too.

The kernel's cut is the better one: not even a connection is set up, and what was sent is sent again after the heal, as
in a broken network.  It goes with a container that is started anew; the links keep the rule for those.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from shlex import quote

from targets.boxes import commands, front
from targets.lab import nft
from targets.lab.layout import FRONT, PARTS, part
from targets.lab.verdict import DROP
from targets.rules import Rule
from targets.target import TargetError


def by_kernel(rule: Rule) -> bool:
    """Say whether the kernel can keep a rule: silence between nodes, each behind a door of its own."""
    nodes = {each.name for each in PARTS}
    concerned = {*rule.sources, *rule.destinations}
    return rule.mode == DROP and concerned <= nodes and all(part(n).component != FRONT for n in rule.destinations)


def cut(lab: str, doors: dict[str, int], rule: Rule) -> None:
    """Put a rule in force, for existing and for new connections."""
    front.ask(lab, "links.cut", **asdict(rule))
    if by_kernel(rule):
        ports = [doors[name] for name in rule.destinations if name in doors]
        there, back = "output" if rule.direction != "back" else "", rule.direction != "there"
        _everywhere(lab, list(rule.sources), nft.dropping(rule.id, ports, there=there, back=back))


def uncut(lab: str, rule_id: str) -> None:
    """Take a rule away; nothing to do when it is not there."""
    sources = front.ask(lab, "hosts.sources", id=rule_id)
    _everywhere(lab, [name for name in sources if name in {each.name for each in PARTS}], nft.passing(rule_id))
    front.ask(lab, "links.uncut", id=rule_id)


def _everywhere(lab: str, nodes: list[str], script: str) -> None:
    def run(node: str) -> None:
        with suppress(commands.NotRunning):
            code, _, err = commands.inside(lab, node, ["sh", "-c", f"printf %s {quote(script)} | nft -f -"])
            if code:
                raise TargetError(f"{node}: nft refuses {script!r}: {err.strip()[-300:]}")

    if nodes:
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(run, nodes))
