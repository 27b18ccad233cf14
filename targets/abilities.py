"""What a target may be able to do: small protocols, asked for with isinstance. A missing one is a skip with its reason.

Everything here is idempotent, and acts on what is named: choosing victims is the faults' part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A cut between nodes. It has an id so that it can be taken away again by whoever reads the journal."""

    id: str
    sources: tuple[str, ...]  # node names; "*" is everybody, callers outside the target included
    destinations: tuple[str, ...]  # node names
    mode: str  # "drop": nothing passes, nobody is told; "reject": connections are reset and refused


@runtime_checkable
class Killable(Protocol):
    """Its nodes can be killed and started."""

    def incarnation(self, node: str) -> str | None:
        """Identify the running instance (a pid alone is not enough), None when none runs."""

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0) -> None:
        """Kill that very instance; asked to end first when `grace_s` is above 0. VictimGone when it does not run."""

    def start(self, node: str) -> None:
        """Bring the node back as its launcher would, wait until it serves; nothing to do when it runs."""

    def down(self) -> tuple[str, ...]:
        """Name the nodes that should run and do not."""


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
class Partitionable(Protocol):
    """Connections between its nodes can be cut."""

    def cut(self, rule: Rule) -> None:
        """Put a rule in force, for existing and for new connections; again is the same as once."""

    def uncut(self, rule_id: str) -> None:
        """Take a rule away; nothing to do when it is not there."""

    def cuts(self) -> frozenset[str]:
        """List the ids of the rules in force."""


@runtime_checkable
class Loadable(Protocol):
    """Programs can be set to work beside its nodes: burning CPU, holding memory or connections."""

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
