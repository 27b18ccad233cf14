"""What can be done inside a lab's servers: clocks, settings, releases, keys, jobs. Standard library only."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from targets.lab import control, keys, queues, settings
from targets.lab.layout import names

ANSWER_S = 5.0  # for a control call that does not wait for a server
KILL_S = 15.0
START_S = 45.0
WAITING = ("nodes.start", "scaling.scale", "clocks.skew")  # verbs that are told how long they may wait


class Inside:
    """A lab that is up, as far as it goes through its supervisor and its servers."""

    def __init__(self, folder: Path, doors: dict[str, int]) -> None:
        self.folder = folder
        self._doors = doors

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
        return settings.read(self.folder, self._doors, node, name)

    def configure(self, node: str, name: str, value: str | None) -> None:
        """Set a value in force at once, None takes it away again."""
        settings.write(self.folder, self._doors, node, name, value)

    def overrides(self) -> frozenset[str]:
        """Describe the settings of PostgreSQL servers that are not the launchers' own."""
        return frozenset(line for node in names("postgres") for line in settings.overrides(self.folder, node))

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

    def keyed(self) -> tuple[str, ...]:
        """Name the components that keep keys."""
        return (keys.COMPONENT,)

    def keys(self, component: str, prefix: str, *, wait: bool = True) -> frozenset[str]:
        """List the master's keys that begin with `prefix`; without `wait`, on whoever is master now."""
        return keys.listed(self._doors, component, prefix, wait=wait)

    def add_key(self, component: str, key: str, *, seconds: int) -> None:
        """Set a key for a while."""
        keys.add(self._doors, component, key, seconds)

    def delete_keys(self, component: str, doomed: Collection[str]) -> int:
        """Delete keys on the master."""
        return keys.delete(self._doors, component, doomed)

    def put_jobs(self, jobs: Sequence[str]) -> None:
        """Put jobs into the queue."""
        queues.put(self._doors, jobs)

    def drop_jobs(self, jobs: Sequence[str]) -> None:
        """Take jobs out of wherever they are."""
        queues.drop(self._doors, jobs)

    def find_jobs(self, mark: str) -> dict[str, str]:
        """Map each job whose text contains `mark` to where it is: waiting, held or failed."""
        return queues.find(self._doors, mark)

    def _ask(self, do: str, *, within: float = 0.0, **fields: Any) -> Any:
        more = {"within": within} if do in WAITING else {}
        return control.ask(self.folder, {"do": do, **fields, **more}, timeout=within + ANSWER_S)
