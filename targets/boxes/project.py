"""A user's own compose project, as a target: components are its services, nodes their containers."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast

from docker.errors import APIError, DockerException, NotFound

from targets.boxes import answering, burners, engine, plugs, services, silence
from targets.boxes.hand import lend
from targets.boxes.keeper import Keeper
from targets.boxes.plugs import Plugs
from targets.boxes.services import Service
from targets.rules import Rule
from targets.target import BadInput, Node, Ran, TargetError, TargetGone, Unable, VictimGone
from targets.waiting import until

KILLED_WITHIN_S = 15.0
SERVES_WITHIN_S = 60.0
DOWN_S = 60.0


class ProjectTarget(Plugs):
    """A project that is up; `disposable` when it was brought up for this session."""

    def __init__(self, project: str, *, disposable: bool, keeper: Keeper | None = None) -> None:
        self.project = project
        self._keeper = keeper
        self.address = f"compose:{project}"
        self.disposable = disposable

    @property
    def components(self) -> tuple[str, ...]:
        """Name the services."""
        return tuple(sorted({service.component for service in self.services()}))

    def services(self) -> tuple[Service, ...]:
        """List the containers, running or not. TargetGone when there are none."""
        found = services.of(self.project)
        if not found:
            raise TargetGone(f"{self.address}: no such project is up there")
        return found

    def service(self, node: str) -> Service:
        """Find a node's container. BadInput names those there are."""
        every = {service.name: service for service in self.services()}
        if node not in every:
            raise BadInput(f"{self.address} has no node {node!r}; it has {', '.join(every)}")
        return every[node]

    def inspect(self, node: str) -> Mapping[str, Any]:
        """Give what the engine knows of a node."""
        return self.service(node).box

    def inspected(self) -> Mapping[str, Mapping[str, Any]]:
        """Give what the engine knows of every node."""
        return {service.name: service.box for service in self.services()}

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a service, all or of one role: PostgreSQL servers are asked for theirs, others have "".

        A node that does not answer has role "", too.
        """
        mine = [service for service in self.services() if service.component == component]
        if not mine:
            raise BadInput(f"{self.address} has no component {component!r}; it has {', '.join(self.components)}")
        with ThreadPoolExecutor(len(mine)) as pool:
            roles = dict(zip([one.name for one in mine], pool.map(answering.role, mine), strict=True))
        found = [
            Node(name=one.name, component=component, role=roles[one.name], zone=one.zone, endpoint=one.endpoint)
            for one in mine
        ]
        return tuple(node for node in found if role is None or node.role == role)

    def endpoint(self, component: str) -> str:
        """Give the URL of the port that the service publishes on the machine; "" when it publishes none."""
        return next((node.endpoint for node in self.nodes(component) if node.endpoint), "")

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        """Run a command in the node's container. TargetError when it does not run."""
        api, words = engine.client().api, ["timeout", f"{timeout:.0f}", *argv]
        try:
            made = api.exec_create(self.service(node.name).id, words)
            out, err = api.exec_start(made["Id"], demux=True)
            code = api.exec_inspect(made["Id"])["ExitCode"]
        except (DockerException, OSError) as error:
            raise engine.failed(error, f"{self.address}: {node.name}") from error
        return Ran(argv=tuple(argv), code=code, out=_text(out), err=_text(err))

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance as "container's id:moment of its start", None when none runs."""
        return self.service(node).incarnation

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        """SIGKILL that very instance, after `grace_s` of asking it to end. VictimGone when it does not run.

        Its restart policy sees it end, as of itself, unless `for_good`: the engine does not restart whom it killed.
        """
        found = self.service(node)
        if found.incarnation != incarnation:
            raise VictimGone(f"{node}: {incarnation} does not run any more")
        if for_good:
            self._asked(found, "stop", timeout=round(grace_s))
        else:
            self._killed(found, grace_s)
        until(lambda: self.incarnation(node) != incarnation, KILLED_WITHIN_S, f"{node}: {incarnation} to end")

    def await_serving(self, within_s: float) -> None:
        """Wait until every container is healthy, or takes connections, or has done its part. TargetError names who not.

        One that is restarted again and again is given all the time, too: it may only wait for another.
        """
        try:
            until(
                lambda: all(answering.serves(service) for service in self.services()),
                within_s,
                f"{self.project} to serve",
            )
        except TargetError as error:
            late = [one.container for one in self.services() if not answering.serves(one)]
            raise TargetError(f"{error}: not {', '.join(late)}; see `docker logs {late[0] if late else ''}`") from error

    def start(self, node: str) -> None:
        """Start the container when it does not run, and wait until it is healthy, or takes connections."""
        self._asked(self.service(node), "start")
        until(lambda: answering.serves(self.service(node)), SERVES_WITHIN_S, f"{node} to serve")

    def down(self) -> tuple[str, ...]:
        """Name the nodes that should run and do not; who ended well and is not to be restarted has done its part."""
        return tuple(one.name for one in self.services() if one.incarnation is None and not one.done)

    def pause(self, node: str, incarnation: str) -> None:
        """Freeze that very instance, all its processes. VictimGone when it does not run any more."""
        found = self.service(node)
        if found.incarnation != incarnation:
            raise VictimGone(f"{node}: {incarnation} does not run any more")
        if not found.paused:
            self._asked(found, "pause")

    def resume(self, node: str) -> None:
        """Let the node go on; nothing to do when it is not frozen."""
        found = self.service(node)
        if found.paused:
            self._asked(found, "unpause")

    def paused(self) -> frozenset[str]:
        """Name the frozen nodes."""
        return frozenset(service.name for service in self.services() if service.paused)

    def means(self, rule: Rule) -> str:
        """Say by what means the rule would be kept. BadInput for an unknown node, Unable for what cannot be done."""
        self._concerned(rule)
        return silence.means(self.project, rule)

    def cut(self, rule: Rule) -> None:
        """Put a rule in force, for existing and for new connections; again is the same as once."""
        silence.cut(self.project, self._concerned(rule), rule)

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""
        silence.uncut(self.project, self.services(), rule_id)

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""
        return silence.cuts(self.project, self.services())

    def load(
        self,
        node: str,
        *,
        load_id: str,
        kind: str,
        workers: int,
        seconds: float,
        options: Mapping[str, str] | None = None,  # noqa: ARG002  of other kinds than can be had here
    ) -> None:
        """Burn CPU in the node's container, by shells of its own; they end by themselves after `seconds`.

        Unable for other kinds: they need more than a shell.
        """
        if kind != "cpu":
            raise Unable(f"{self.address}: only CPU can be burnt in containers that are not ours, not {kind}")
        burners.load(self.service(node), load_id, workers=workers, seconds=seconds)

    def unload(self, load_id: str) -> None:
        """End the load of that id; nothing to do when there is none."""
        burners.unload(self.project, self.services(), load_id)

    def loading(self, load_id: str) -> int:
        """Count the shells of that load which burn."""
        return burners.at_work(self.services())[load_id]

    def loads(self) -> frozenset[str]:
        """List the ids of the loads at work."""
        return frozenset(burners.at_work(self.services()))

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give the engine's own commands for it; () where there are none."""
        if undo == "plug":
            return plugs.spelled(self.inspect(str(arguments[0])), cast("Any", arguments[1]))
        own = {"start": "docker start", "resume": "docker unpause"}
        return (f"{own[undo]} {self.service(str(arguments[0])).container}",) if undo in own else ()

    def close(self) -> None:
        """Take the project away when it was brought up by this process; else leave it as it is."""
        if self._keeper:
            self._keeper.let_go(DOWN_S)
            self._keeper = None
            services.remove(self.project)

    def _killed(self, service: Service, grace_s: float) -> None:
        """Kill its first process, whose end is its container's, as the kernel would."""
        if grace_s:
            lend(self.project, f"kill -TERM {service.pid}")
            with suppress(TargetError):
                until(lambda: self.incarnation(service.name) != service.incarnation, grace_s, "it to end")
                return
        lend(self.project, f"kill -KILL {service.pid}")

    def _concerned(self, rule: Rule) -> dict[str, Service]:
        named = {name for name in (*rule.sources, *rule.destinations) if name != "*"}
        return {name: self.service(name) for name in named}

    def _asked(self, service: Service, what: str, **options: Any) -> None:
        """Have the engine do something with a container, be it done already."""
        try:
            getattr(engine.client().api, what)(service.id, **options)
        except NotFound as error:
            raise TargetGone(f"{self.address}: there is no {service.name} there") from error
        except (APIError, OSError) as error:
            if "is not paused" not in str(error) and "already paused" not in str(error):
                raise engine.failed(error, f"{self.address}: {service.name}") from error


def _text(said: bytes | None) -> str:
    return (said or b"").decode(errors="replace")
