"""What a target may be able to do: small protocols, asked for with isinstance. A missing one is a skip with its reason.

Everything here is idempotent, and acts on what is named: choosing victims is the faults' part.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from targets.rules import Rule


@runtime_checkable
class Killable(Protocol):
    """Its nodes can be killed and started."""

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance (a pid alone is not enough), None when none runs."""

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        """Kill that very instance; asked to end first when `grace_s` is above 0. VictimGone when it does not run.

        `for_good`: nobody restarts it until it is started again: its host is gone, not its process alone.
        """

    def start(self, node: str) -> None:
        """Bring the node back as its launcher would, wait until it serves; nothing to do when it runs."""

    def down(self) -> tuple[str, ...]:
        """Name the nodes that should run and do not."""


@runtime_checkable
class Erasable(Protocol):
    """Its nodes keep data of their own, which can be lost with them."""

    def lose(self, node: str, incarnation: str) -> None:
        """Kill that very instance and remove its data before anybody starts it again. VictimGone as for `kill`."""

    def lost(self) -> frozenset[str]:
        """Name the nodes that lost their data and were not started since."""


@runtime_checkable
class Pausable(Protocol):
    """Its nodes can be frozen: they keep their connections and answer nobody."""

    def pause(self, node: str, incarnation: str) -> None:
        """Freeze that very instance, all its processes. VictimGone when it does not run any more."""

    def resume(self, node: str) -> None:
        """Let the node go on; nothing to do when it is not frozen."""

    def paused(self) -> frozenset[str]:
        """Name the frozen nodes."""


@runtime_checkable
class Configurable(Protocol):
    """Settings of its servers can be read and changed while they run; the change survives a restart."""

    def setting(self, node: str, name: str) -> str | None:
        """Read what is set on top of the server's configuration, None when nothing is. BadInput: no such setting."""

    def configure(self, node: str, name: str, value: str | None) -> None:
        """Set a value in force, None takes away what was set. TargetError when the server refuses or is away."""

    def overrides(self) -> frozenset[str]:
        """Describe each setting that somebody changed and that would survive a restart: "postgres-a: name = value"."""


@runtime_checkable
class Deployable(Protocol):
    """Other releases of its nodes' program can be put in place."""

    def releases(self, node: str) -> tuple[str, ...]:
        """List the releases the node was given, oldest first: the last is in force; () for one that knows none."""

    def deploy(self, node: str, release: str) -> None:
        """Let the node run that release from now on, at once; does not wait until it serves. BadInput: no such one."""

    def restarts(self, node: str) -> int:
        """Count how often the node had to be started again since its release was deployed."""

    def strayed(self) -> tuple[str, ...]:
        """Name the nodes that run another release than their first."""


@runtime_checkable
class Scalable(Protocol):
    """Its components can be given more nodes, or fewer."""

    def scale(self, component: str, count: int) -> None:
        """Have that many nodes serve, wait until they do; those that go finish first. BadInput: it cannot have so."""

    def scaled(self, component: str) -> int:
        """Count the nodes that the component is to have."""

    def resized(self) -> tuple[str, ...]:
        """Name the components that are to have another number of nodes than at first."""


@runtime_checkable
class Skewable(Protocol):
    """The clocks of its nodes can be put wrong."""

    def skew(self, node: str, seconds: float) -> None:
        """Put a node's clock so many seconds ahead (behind when negative), 0 puts it right; it is restarted in order.

        Nothing to do when it is so already.  Unable when the target lacks the means.
        """

    def skewed(self) -> Mapping[str, float]:
        """Say how far the clock of each node that was put wrong is off, in seconds."""

    def skew_lacks(self) -> str:
        """Say what the target lacks to put clocks wrong, "" when it lacks nothing."""


@runtime_checkable
class Partitionable(Protocol):
    """Connections between its nodes can be cut."""

    def cut(self, rule: Rule) -> None:
        """Put a rule in force, for existing and for new connections; again is the same as once."""

    def means(self, rule: Rule) -> str:
        """Say by what means the rule would be kept; reads only."""

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""


@runtime_checkable
class Witnessed(Protocol):
    """Somebody else keeps its cuts, or does not."""

    def foresee(self, rules: Collection[Rule]) -> None:
        """Find out beforehand what takes long to find out of these rules."""

    def holds(self, rule: Rule) -> bool:
        """Tell whether a rule that is in force cuts anybody off, once that is clear."""


@runtime_checkable
class Unpluggable(Protocol):
    """Its nodes can be taken off their networks altogether: nobody reaches them, and they reach nobody."""

    def plugs(self, node: str) -> list[dict[str, Any]]:
        """Describe in JSON how the node is connected, as `plug` wants it; [] when it is not connected."""

    def unplug(self, node: str, plugs: Sequence[Mapping[str, Any]]) -> None:
        """Disconnect the node, its open connections too, from those networks; nothing to do when it is off them."""

    def plug(self, node: str, plugs: Sequence[Mapping[str, Any]]) -> None:
        """Connect the node as it was; nothing to do for networks that it is on. VictimGone when it was removed."""

    def unplugged(self) -> frozenset[str]:
        """Name the nodes that should be on a network and are on none."""


@runtime_checkable
class Loadable(Protocol):
    """Programs can be set to work beside its nodes: burning CPU, holding memory, connections or disk space."""

    def load(
        self,
        node: str,
        *,
        load_id: str,
        kind: str,
        workers: int,
        seconds: float,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Set `workers` programs of a kind to work; they end by themselves after `seconds`. BadInput: no such kind."""

    def unload(self, load_id: str) -> None:
        """End the load of that id; nothing to do when there is none."""

    def loading(self, load_id: str) -> int:
        """Count the programs of that load which run."""

    def loads(self) -> frozenset[str]:
        """List the ids of the loads at work."""


@runtime_checkable
class Confined(Protocol):
    """Its nodes write to volumes of their own, of a limited size: a full one is nobody else's trouble."""

    def room(self, node: str) -> int:
        """Say how many bytes are free on a node's volume. BadInput when it has none of its own."""

    def room_lacks(self) -> str:
        """Say why the target has no such volumes, "" when it has."""


@runtime_checkable
class Keyed(Protocol):
    """Keys of a store can be listed and deleted: on the node that takes writes, TargetError when there is none."""

    def keyed(self) -> tuple[str, ...]:
        """Name the components that keep keys."""

    def keys(self, component: str, prefix: str, *, wait: bool = True) -> frozenset[str]:
        """List the keys that begin with `prefix`; without `wait`, on whoever takes writes now, be it nobody."""

    def add_key(self, component: str, key: str, *, seconds: int) -> None:
        """Set a key to an empty value; it vanishes by itself after `seconds`."""

    def delete_keys(self, component: str, doomed: Collection[str]) -> int:
        """Delete keys and count those that were there."""


@runtime_checkable
class Enqueueable(Protocol):
    """Jobs can be put into its queue behind the service's back, found, and taken out again."""

    def put_jobs(self, jobs: Sequence[str]) -> None:
        """Put jobs, as whoever enqueues jobs would write them, into the queue; again is the same as once."""

    def drop_jobs(self, jobs: Sequence[str]) -> None:
        """Take jobs out of wherever they are: waiting, held or failed; nothing to do for those that are nowhere."""

    def find_jobs(self, mark: str) -> dict[str, str]:
        """Map each job whose text contains `mark` to where it is: "waiting", "held" by a worker, or "failed"."""
