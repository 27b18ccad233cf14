"""What can be done through a lab's doors, wherever its servers are: keys, jobs. Standard library only."""

from collections.abc import Collection, Sequence

from targets.lab import keys, queues
from targets.lab.layout import Doors


class Stores:
    """A lab that is up, as far as it goes through its doors."""

    def __init__(self, doors: Doors) -> None:
        self._known = doors

    @property
    def _reached(self) -> Doors:
        """Give the doors; a lab may ask for them only then."""
        return self._known

    def keyed(self) -> tuple[str, ...]:
        """Name the components that keep keys."""
        return (keys.COMPONENT,)

    def keys(self, component: str, prefix: str, *, wait: bool = True) -> frozenset[str]:
        """List the master's keys that begin with `prefix`; without `wait`, on whoever is master now."""
        return keys.listed(self._reached, component, prefix, wait=wait)

    def add_key(self, component: str, key: str, *, seconds: int) -> None:
        """Set a key for a while."""
        keys.add(self._reached, component, key, seconds)

    def delete_keys(self, component: str, doomed: Collection[str]) -> int:
        """Delete keys on the master."""
        return keys.delete(self._reached, component, doomed)

    def put_jobs(self, jobs: Sequence[str]) -> None:
        """Put jobs into the queue."""
        queues.put(self._reached, jobs)

    def drop_jobs(self, jobs: Sequence[str]) -> None:
        """Take jobs out of wherever they are."""
        queues.drop(self._reached, jobs)

    def find_jobs(self, mark: str) -> dict[str, str]:
        """Map each job whose text contains `mark` to where it is: waiting, held or failed."""
        return queues.find(self._reached, mark)
