"""The machines of a kind cluster: the power of its hosts, and its control plane, by the engine that runs them."""

from collections.abc import Collection

from targets.boxes import marked
from targets.pods import plane, power
from targets.pods.changes import Changes
from targets.pods.target import POLL_S
from targets.target import Unable
from targets.waiting import until

RUNS_WITHIN_S = 120.0


class Machines(Changes):
    """A lab's cluster, as far as it is machines."""

    def switchable(self, hosts: Collection[str]) -> None:
        """Raise Unable for all but workers."""
        power.check(self.name, hosts)

    def switch_off(self, host: str) -> None:
        """Cut a worker's power; again is the same as once."""
        power.switch_off(self.name, host)

    def switch_on(self, host: str) -> None:
        """Start a worker that is off, and wait until what is placed there runs anew."""
        if host not in self.off():
            return
        before = self._running_on(host)
        power.switch_on(self.cluster, self.name, host)
        until(lambda: not before & self._running_on(host), RUNS_WITHIN_S, f"the pods of {host} to run anew", POLL_S)

    def off(self) -> frozenset[str]:
        """Name the cluster's hosts that are off."""
        return power.off(self.name)

    def beheadable(self) -> tuple[str, ...]:
        """Name the cluster's own namespace, unless the cluster was made for this lab. Unable with several planes."""
        if len(found := power.planes(self.name)) != 1:
            raise Unable(f"{self.address}: its control plane is on {len(found)} hosts, of which one alone is no loss")
        return () if marked.is_ours(self.name) else (plane.NAMESPACE,)

    def behead(self) -> None:
        """Take the cluster's control plane away; again is the same as once."""
        _ = self._doors  # asked now, for those who call while nobody says where they are
        plane.take_away(self.name)

    def bring_head_back(self) -> None:
        """Bring it back, and wait until it has heard of every host."""
        plane.bring_back(self.cluster, self.name)

    def headless(self) -> bool:
        """Tell whether it is away."""
        return plane.is_away(self.name)

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give kubectl's, or the engine's, own commands for it; () where there are none."""
        if undo == "bring_head_back":
            return (plane.spelled(self.name),)
        return (f"docker start {arguments[0]}",) if undo == "switch_on" else super().spelled(undo, *arguments)

    def _running_on(self, host: str) -> set[str]:
        """Identify what ran on a host when its kubelet last said so."""
        return {pod.process for pods in self.everywhere().values() for pod in pods if pod.host == host and pod.runs}
