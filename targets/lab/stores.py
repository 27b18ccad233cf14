"""What can be done through a lab's doors, wherever its servers are: keys, jobs. Standard library only."""

from collections.abc import Collection, Mapping, Sequence

from targets.lab import keys, queues


class Stores:
    """A lab that is up, as far as it goes through its doors."""

    def __init__(self, doors: Mapping[str, int]) -> None:
        self._doors = doors

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
