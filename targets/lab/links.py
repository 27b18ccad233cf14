"""The links between the lab's parts: one TCP front door per server, in the supervisor's event loop.

A `Door` listens for one server, or balances over several; a `Link` is one caller's connection and its
continuation, an `End` each of its two sockets.  `Links` holds the rules in force and decides what happens to each
link.  Held means: nothing is read, so nothing passes and nobody is told; what was sent meanwhile is delivered after
the heal.  Delayed is what waits in an end's queue.  Without a rule an end writes what it reads straight on.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from targets.lab import spaces
from targets.lab.hangup import Hangups
from targets.lab.layout import PARTS
from targets.lab.link import Link
from targets.lab.peers import OUTSIDE, Peers
from targets.lab.verdict import DISCARD, PASSES, Verdict, verdict
from targets.rules import Rule

_BACKLOG = 1024


class Door:
    """A listening port in front of one server, or of several to balance over."""

    def __init__(self, links: "Links", backends: Mapping[str, str]) -> None:
        self.links = links
        self.backends = dict(backends)  # node name -> path of its Unix socket, or HOST:PORT
        self.open: set[Link] = set()
        self.port = 0
        self._turn = 0

    async def listen(self, host: str, port: int = 0) -> None:
        """Open the port, any that is free when it is 0."""
        loop = asyncio.get_running_loop()
        known = OUTSIDE if self.links.spaces else None
        self.servers = [await loop.create_server(lambda: Link(self, known).caller, host, port, backlog=_BACKLOG)]
        self.port = self.servers[0].sockets[0].getsockname()[1]
        for node, space in self.links.spaces.items():
            sock = spaces.listening(space, host, self.port)
            self.servers.append(await loop.create_server(partial(self._link_from, node), sock=sock, backlog=_BACKLOG))

    def _link_from(self, node: str) -> asyncio.Protocol:
        return Link(self, node).caller

    def candidates(self) -> list[str]:
        """List the nodes to try for a new connection: the one with the fewest first, in turn among equals.

        One that has no room, or hangs, keeps its connections; new ones go where they come to an end.  Only a connection
        that could not be made goes on to the next node: what was passed on may have been done, and is never said twice.
        """
        order = list(self.backends)
        if len(order) < 2:
            return order  # a storm of connections is not to be slowed down by counting those that are open
        self._turn = (self._turn + 1) % len(order)
        doors = [door for door in self.links.doors.values() if door.backends.keys() & self.backends.keys()]
        busy = Counter(link.backend for door in doors for link in door.open)
        return sorted(order[self._turn :] + order[: self._turn], key=lambda name: busy[name])


class Links:
    """All doors of a lab and the rules in force."""

    def __init__(
        self, folder: Path, namespaces: Mapping[str, int] | None = None, callers: Mapping[str, str] | None = None
    ) -> None:
        """`namespaces`: the nodes that have one of their own, and its descriptor; all of them, or none.

        `callers`: the nodes by their addresses, where each has one of its own; whoever comes from another is outside.
        """
        self.spaces = dict(namespaces or {})
        self.callers = dict(callers or {})
        self._peers = Peers(folder)
        self.hangups = Hangups()
        self.doors: dict[str, Door] = {}
        self._rules: dict[str, Rule] = {}

    async def add(self, name: str, backends: Mapping[str, str], host: str, port: int = 0) -> int:
        """Open a door, at that port or any, and give its port."""
        door = Door(self, backends)
        await door.listen(host, port)
        self.doors[name] = door
        return door.port

    async def close(self) -> None:
        """Close all doors and break all links."""
        for door in self.doors.values():
            for server in door.servers:
                server.close()
            for link in list(door.open):
                link.reset()
        while any(door.open for door in self.doors.values()):  # noqa: ASYNC110  a few turns of the loop
            await asyncio.sleep(0)  # each end is told in a turn of the event loop
        self.hangups.close()

    def cut(self, rule: Rule) -> None:
        """Put a rule in force, for existing and for new connections."""
        self._rules[rule.id] = rule
        self._review()

    def uncut(self, rule_id: str) -> None:
        """Take a rule away."""
        if self._rules.pop(rule_id, None):
            self._review()

    def cuts(self) -> list[str]:
        """List the ids of the rules in force."""
        return sorted(self._rules)

    def sources(self, rule_id: str) -> tuple[str, ...]:
        """Name the sources of a rule; none when it is not in force."""
        return self._rules[rule_id].sources if rule_id in self._rules else ()

    def verdict(self, link: Link) -> Verdict:
        """Judge a link by all rules that concern it."""
        here = [rule for rule in self._rules.values() if _leads(link, rule)]
        if not here:
            return PASSES
        of_all = verdict(rule for rule in here if "*" in rule.sources)
        if of_all.mode == DISCARD:
            return of_all  # a lost host is stormed by its callers; who each of them is does not matter
        return verdict(rule for rule in here if "*" in rule.sources or self._caller(link) in rule.sources)

    def _review(self) -> None:
        links = [link for door in self.doors.values() for link in door.open]
        for link in links:
            if not self.spaces and not self.callers and link.peer == OUTSIDE:
                link.peer = None  # none of the nodes that the last rules named
        named = [rule for rule in self._rules.values() if "*" not in rule.sources]
        self._look_up(
            [link for link in links if link.peer is None and any(_leads(link, rule) for rule in named)], named
        )
        for link in links:
            link.apply(self.verdict(link))

    def _caller(self, link: Link) -> str:
        if link.peer is None:
            self._look_up([link], [rule for rule in self._rules.values() if _leads(link, rule)])
        return link.peer or OUTSIDE

    def _look_up(self, links: list[Link], rules: list[Rule]) -> None:
        """Find the callers among the nodes that the rules name; the fewer, the faster."""
        if links:
            named = {source for rule in rules for source in rule.sources}
            among = {part.name for part in PARTS} if OUTSIDE in named else named
            found = self._peers.find([link.pair for link in links], among)
            for link in links:
                link.peer = found[link.pair]


def _leads(link: Link, rule: Rule) -> bool:
    return link.backend in rule.destinations or "*" in rule.destinations
