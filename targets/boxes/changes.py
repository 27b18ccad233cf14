"""What can be changed about the nodes of a lab of containers: releases, clocks, data, numbers, settings."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from targets.boxes import build, commands, engine, front, layout
from targets.boxes.files import There
from targets.boxes.nodes import Nodes, members
from targets.lab import settings
from targets.lab.host import ENVIRONMENT
from targets.lab.layout import COMPONENTS, FRONT, PARTS, RELEASES, names, part
from targets.lab.nodes import RELEASE
from targets.lab.roles.clock import OFFSET
from targets.target import BadInput, TargetError

GIVEN = "LAB_RELEASES"  # in a node's environment: all releases it was given
GRACE_S = 10


class Changes(Nodes):
    """The nodes of one lab; `doors` are the ports of its doors."""

    def __init__(self, lab: str, doors: Mapping[str, int]) -> None:
        super().__init__(lab)
        self._there = There(lab, doors)

    def setting(self, node: str, name: str) -> str | None:
        """Read what is set on top of the server's configuration files. BadInput when it has no such setting."""
        return settings.read(self._there, node, name)

    def configure(self, node: str, name: str, value: str | None) -> None:
        """Set a value in force at once, None takes it away again."""
        settings.write(self._there, node, name, value)

    def overrides(self) -> frozenset[str]:
        """Describe the settings of PostgreSQL servers that are not the launchers' own."""
        nodes = names("postgres")
        with ThreadPoolExecutor(len(nodes)) as pool:
            found = pool.map(lambda node: settings.overrides(self._there, node), nodes)
            return frozenset(line for lines in found for line in lines)

    def releases(self, node: str) -> tuple[str, ...]:
        """List the releases the node was given, oldest first; () for one that knows none."""
        first = RELEASES.get(part(node).component, ())[:1]
        return tuple(self._environment(node).get(GIVEN, " ".join(first)).split())

    def deploy(self, node: str, release: str) -> None:
        """Let the node run that release from now on. BadInput names those there are."""
        known = RELEASES.get(part(node).component, ())
        if release not in known:
            raise BadInput(f"{node} has no release {release!r}; it has {', '.join(known) or 'only the one it runs'}")
        given = self.releases(node)
        given += (release,) if given[-1:] != (release,) else ()
        self._change(node, {RELEASE: release, GIVEN: " ".join(given)})
        with commands.answered(self.lab, node):
            engine.client().api.restart(build.container(self.lab, node), timeout=2)

    def restarts(self, node: str) -> int:
        """Count how often the engine started the node again since its release was deployed."""
        return int(self.inspect(node)["RestartCount"])

    def strayed(self) -> tuple[str, ...]:
        """Name the nodes that run another release than their first."""
        given = {name: self.releases(name) for name in members() if part(name).component in RELEASES}
        return tuple(name for name, releases in given.items() if releases[-1] != releases[0])

    def skew(self, node: str, seconds: float) -> None:
        """Restart a PostgreSQL node in order, its clock so many seconds ahead; 0 puts it right."""
        if part(node).component != "postgres":
            raise BadInput(f"{node}: only the clocks of PostgreSQL servers can be skewed")
        if self._offset(node) == seconds and self.incarnation(node):
            return
        self._change(node, {OFFSET: f"{seconds:+g}" if seconds else ""})
        with commands.answered(self.lab, node):
            engine.client().api.stop(build.container(self.lab, node), timeout=GRACE_S)
        self.start(node)

    def skewed(self) -> dict[str, float]:
        """Say how far the clock of each skewed node is off, in seconds."""
        return {name: offset for name in names("postgres") if (offset := self._offset(name))}

    def skew_lacks(self) -> str:
        """Say whether the image has no libfaketime."""
        code, out, err = commands.inside(self.lab, "postgres-a", ["python3", "-m", "targets.lab.roles.clock"])
        return out.strip() if code == 0 else err.strip()[-200:]

    def lose(self, node: str, incarnation: str) -> None:
        """SIGKILL that very instance and remove its data, before anybody may start it again."""
        self.kill(node, incarnation, for_good=True)
        remove = f"find {There.home(node)} -mindepth 1 -delete; true"  # the volume in it stays, empty
        code, _, err = commands.inside(self.lab, layout.SWITCHBOARD, ["sh", "-c", remove])
        if code:
            raise TargetError(f"{node}: its data could not be removed: {err.strip()[-300:]}")

    def lost(self) -> frozenset[str]:
        """Name the nodes that lost their data and were not started since."""
        stopped = [name for name in self.down() if part(name).component != "api"]
        return frozenset(name for name in stopped if commands.read(self.lab, name, "node.json") is None)

    def scale(self, component: str, count: int) -> None:
        """Start spare nodes, or end some in order, the last first; wait until that is done."""
        every = [each.name for each in PARTS if each.component == component]
        if component != FRONT or not 1 <= count <= len(every):
            can = f"1 to {len(every)}" if component == FRONT else f"always {len(every)}"
            raise BadInput(f"{component} cannot have {count} nodes on this lab; it has {can}")
        now, wanted = self.scaled_to(component), every[:count]
        # said first, for whoever has to finish it: the engine goes on starting what a dead harness has asked for
        front.ask(self.lab, "hosts.want", door=FRONT, nodes=[name for name in every if name in {*now, *wanted}])
        with ThreadPoolExecutor(len(every)) as pool:
            list(pool.map(self._add, [name for name in wanted if name not in now or part(name).spare]))
            list(pool.map(self._remove, [name for name in now if name not in wanted]))
        front.ask(self.lab, "hosts.want", door=FRONT, nodes=wanted)

    def scaled(self, component: str) -> int:
        """Count the nodes that the component is to have."""
        return len(self.scaled_to(component))

    def scaled_to(self, component: str) -> list[str]:
        """Name the nodes that the component is to have."""
        return list(front.ask(self.lab, "hosts.wanted", door=FRONT)) if component == FRONT else list(names(component))

    def resized(self) -> tuple[str, ...]:
        """Name the components that have spare nodes at work, or lack some of their own."""
        return tuple(each for each in COMPONENTS if self.scaled(each) != len(names(each)))

    def _add(self, node: str) -> None:
        self.start(node)
        front.ask(self.lab, "hosts.add_backend", door=FRONT, node=node)

    def _remove(self, node: str) -> None:
        front.ask(self.lab, "hosts.remove_backend", door=FRONT, node=node)
        with commands.answered(self.lab, node):
            engine.client().api.stop(build.container(self.lab, node), timeout=2)

    def _offset(self, node: str) -> float:
        return float(self._environment(node).get(OFFSET) or 0)

    def _environment(self, node: str) -> dict[str, str]:
        return dict(json.loads(commands.read(self.lab, node, ENVIRONMENT) or "{}"))

    def _change(self, node: str, words: Mapping[str, str]) -> None:
        commands.write(self.lab, node, ENVIRONMENT, json.dumps({**self._environment(node), **words}))
