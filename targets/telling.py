"""What a target may be able to tell whoever has to look after it: protocols, asked for with isinstance."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Listing(Protocol):
    """It knows what it is made of."""

    components: tuple[str, ...]


@runtime_checkable
class Restarting(Protocol):
    """Somebody restarts its nodes in his own time, which grows with every restart."""

    def kept_down(self) -> tuple[str, ...]:
        """Name those that do not run since something of ours is in his way."""


@runtime_checkable
class Fetching(Protocol):
    """Its nodes can be asked over HTTP where callers cannot reach them one by one."""

    def fetch(self, node: str, path: str) -> tuple[int, bytes]:
        """Give the status and the body of a node's answer to a GET. TargetError without one."""


@runtime_checkable
class Spelling(Protocol):
    """It knows commands for a shell that undo things without its own help."""

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give commands, with real values, that do what the method `undo` ("resume", "uncut", ...) would do now.

        () where there are none: then the method itself is the way.
        """
