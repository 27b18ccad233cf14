"""What a target is; what it may be able to do beyond that is in targets.abilities.

Errors, one tree for the whole house:

    DrillyardError              expected; shown as one line, never as a traceback
    ├── BadInput                names the file or option, the key, the value and the cure
    ├── TargetError             the target answered with a failure, or not at all
    │   ├── TargetGone          the target does not exist any more: nothing left to heal there
    │   └── VictimGone          the named incarnation does not run any more
    ├── Unable                  the target lacks an ability: a skip with its reason
    ├── Refused                 the door's "not injecting: ..."              (rollback.guard)
    └── StopFailed              something could not be put back              (rollback.stop)
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


class DrillyardError(Exception):
    """An expected failure; its text names the cause and the cure."""


class BadInput(DrillyardError):
    """Something a person wrote is wrong; nothing was injected."""


class TargetError(DrillyardError):
    """The target answered with a failure, or not at all."""


class TargetGone(TargetError):
    """The target does not exist any more."""


class Unreached(TargetError):
    """Nobody answered at the target's door: in a while somebody may."""


class VictimGone(TargetError):
    """The named incarnation of a node does not run any more."""


class Unable(DrillyardError):
    """The target cannot do this; a drill that needs it is skipped with this reason."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One running part of a component: a process, a container, a pod."""

    name: str
    component: str
    role: str = ""  # "primary", "standby", "replica" ...; asked of the servers at the time of the call
    zone: str = ""
    endpoint: str = ""  # a URL at which a client outside the target reaches this very node
    inside: str = ""  # HOST:PORT at which other nodes reach it, where that is not the same


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command did."""

    argv: tuple[str, ...]
    code: int
    out: str
    err: str


@runtime_checkable
class Target(Protocol):
    """The one verb, the names, and a string by which any later process can open it again."""

    address: str  # "local:/path", later "kubernetes:context"
    disposable: bool  # made for being hurt; anything else must be armed by name

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        """List the nodes of a component, all or of one role. BadInput when the target has no such component."""

    def endpoint(self, component: str) -> str:
        """Give the URL at which the component's callers reach it, whichever node serves."""

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        """Run a command where the node runs, within `timeout` seconds."""


class Closable(Target, Protocol):
    """A target that was built, and is to be taken down."""

    def close(self) -> None:
        """Take it down, leaving nothing; again is the same as once."""


def scheme_module(address: str) -> Any:
    """Find the module for the scheme of an address: `targets/<scheme>.py`. BadInput when there is none."""
    scheme = address.partition(":")[0]
    if not scheme.isidentifier() or importlib.util.find_spec(f"targets.{scheme}") is None:
        raise BadInput(
            f"--target {address}: no target is called {scheme!r}; use local, containers, or a running lab's address"
        )
    return importlib.import_module(f"targets.{scheme}")


def attach(address: str) -> Target:
    """Open an existing target by its address, in any process. TargetGone when it does not exist any more."""
    found: Target = scheme_module(address).attach(address)
    return found


def sweep(address: str) -> tuple[str, ...]:
    """Put back everything of ours there that says of itself that it is: no record is asked. Names what was found.

    () where nothing can bear such a label. TargetError names what could not be put back.
    """
    swept: Callable[[str], tuple[str, ...]] | None = getattr(scheme_module(address), "sweep", None)
    return swept(address) if swept else ()


def create(scheme: str, *, on_progress: Callable[[str], None], compose: Path | None = None) -> "Closable":
    """Build a new target of this kind, owned by this process; TargetError when it does not come up.

    `compose`: the containers are those of this compose file, not the lab's.
    """
    if scheme == "containers" and compose:
        project: Closable = scheme_module("compose").create(compose, on_progress=on_progress)
        return project
    built: Closable = scheme_module(scheme).create(on_progress=on_progress)
    return built


def jsonable(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a mapping into what JSON can carry, tuples as lists."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in mapping.items()}
