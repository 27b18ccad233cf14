"""A pod's container killed in its pod, which stays: its kubelet starts another one there, with the same volumes."""

import signal

from targets import blow
from targets.boxes import here
from targets.pods import commands
from targets.pods.cluster import Forbidden
from targets.pods.nodes import Nodes
from targets.pods.workloads import Pod
from targets.target import TargetError, VictimGone
from targets.waiting import until

ASKED_WITHIN_S = 5.0
ENDED_WITHIN_S, POLL_S = 20.0, 0.1


class Containers(Nodes):
    """The containers of the nodes."""

    def end_container(self, node: str, incarnation: str) -> None:
        """Kill the first container of that very instance, and wait until it is no more. VictimGone: it does not run.

        By SIGKILL from its host where that is this machine.  Elsewhere its first process is asked by SIGTERM: from
        within no other can kill it, the kernel does not let it.  TargetError when it does not heed that.
        """
        pod = self._there(node)
        if pod.incarnation != incarnation:
            raise VictimGone(f"{node}: {incarnation} does not run any more")
        listed = here.lister(pod.process)
        with blow.dealt():
            if not (killed := _killed(pod, listed())):
                self._ask_to_end(pod)
                self._await_end(node, pod)
        if killed:
            self._await_end(node, pod)

    def _await_end(self, node: str, pod: Pod) -> None:
        what = f"{node}: its container to end (its first process may not heed SIGTERM)"
        until(lambda: self._ended_in(pod), ENDED_WITHIN_S, what, POLL_S)

    def _ask_to_end(self, pod: Pod) -> None:
        try:
            commands.inside(self.cluster, pod, ["sh", "-c", "kill -TERM 1"], timeout=ASKED_WITHIN_S)
        except Forbidden:
            raise
        except TargetError:
            return  # whoever runs the command ends with it

    def _ended_in(self, pod: Pod) -> bool:
        now = self.find(self.named(pod))
        return now is None or now.process != pod.process or not now.runs


def _killed(pod: Pod, pids: list[int]) -> bool:
    """SIGKILL these processes of its from this machine; False where they are not to be seen, or not ours to kill."""
    return bool(pids) and here.send(signal.SIGKILL, pod.process, pids)
