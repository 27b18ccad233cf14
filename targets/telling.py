"""What a target may be able to tell whoever has to look after it: protocols, asked for with isinstance."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Listing(Protocol):
    """It knows what it is made of."""

    components: tuple[str, ...]


@runtime_checkable
class Spelling(Protocol):
    """It knows commands for a shell that undo things without its own help."""

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give commands, with real values, that do what the method `undo` ("resume", "uncut", ...) would do now.

        () where there are none: then the method itself is the way.
        """
