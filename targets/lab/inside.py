"""What can be done inside a lab's servers: clocks, settings, releases, keys, jobs. Standard library only."""

from pathlib import Path
from typing import Any

from targets.lab import control, settings
from targets.lab.beside import Here
from targets.lab.layout import names
from targets.lab.stores import Stores

ANSWER_S = 5.0  # for a control call that does not wait for a server
KILL_S = 15.0
START_S = 45.0
WAITING = ("nodes.start", "scaling.scale", "clocks.skew")  # verbs that are told how long they may wait


class Inside(Stores):
    """A lab that is up, as far as it goes through its supervisor and its servers."""

    def __init__(self, folder: Path, doors: dict[str, int]) -> None:
        super().__init__(doors)
        self.folder = folder
        self._here = Here(folder, doors)

    def skew(self, node: str, seconds: float) -> None:
        """Restart a PostgreSQL node in order, its clock so many seconds ahead; 0 puts it right."""
        self._ask("clocks.skew", node=node, seconds=seconds, within=START_S)

    def skewed(self) -> dict[str, float]:
        """Say how far the clock of each skewed node is off, in seconds."""
        return dict(self._ask("clocks.skewed"))

    def skew_lacks(self) -> str:
        """Say whether the supervisor finds no libfaketime."""
        return str(self._ask("clocks.lacks"))

    def room(self, node: str) -> int:
        """Say how many bytes are free on the volume to which a PostgreSQL node writes its WAL."""
        return int(self._ask("volumes.room", node=node))

    def room_lacks(self) -> str:
        """Say why the supervisor could not make such volumes."""
        return str(self._ask("volumes.lacks"))

    def setting(self, node: str, name: str) -> str | None:
        """Read what is set on top of the server's configuration files. BadInput when it has no such setting."""
        return settings.read(self._here, node, name)

    def configure(self, node: str, name: str, value: str | None) -> None:
        """Set a value in force at once, None takes it away again."""
        settings.write(self._here, node, name, value)

    def overrides(self) -> frozenset[str]:
        """Describe the settings of PostgreSQL servers that are not the launchers' own."""
        return frozenset(line for node in names("postgres") for line in settings.overrides(self._here, node))

    def releases(self, node: str) -> tuple[str, ...]:
        """List the releases the node was given, oldest first; () for one that knows none."""
        return tuple(self._ask("releases.given", node=node))

    def deploy(self, node: str, release: str) -> None:
        """Let the node run that release from now on. BadInput names those there are."""
        self._ask("releases.deploy", node=node, release=release, within=KILL_S)

    def restarts(self, node: str) -> int:
        """Count how often the supervisor started the node again since its release was deployed."""
        return int(self._ask("nodes.status")[node]["restarts"])

    def strayed(self) -> tuple[str, ...]:
        """Name the nodes that run another release than their first."""
        status = self._ask("nodes.status").items()
        return tuple(name for name, node in status if node["releases"] and node["releases"][-1] != node["releases"][0])

    def _ask(self, do: str, *, within: float = 0.0, **fields: Any) -> Any:
        more = {"within": within} if do in WAITING else {}
        return control.ask(self.folder, {"do": do, **fields, **more}, timeout=within + ANSWER_S)
