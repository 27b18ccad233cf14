"""What a lab's pods do beside their servers, or cease to do: loads set to work in them, processes frozen."""

import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from targets import blow
from targets.boxes import here
from targets.boxes.layout import CODE
from targets.lab.host import HOME
from targets.lab.layout import DATABASE, PARTS, names
from targets.lab.loads import await_work, load_of, program
from targets.lab.pod import LETTERS
from targets.pods import beside, commands, frozen, rights
from targets.pods.target import KubernetesTarget
from targets.pods.workloads import Pod
from targets.target import TargetError, Unable, Unreached, VictimGone
from targets.waiting import until

ANSWER_S = 10.0
ROUNDS = 2
STOPS_WITHIN_S = 5.0
RESUMES_WITHIN_S, RESUMES_EVERY_S = 10.0, 0.2
Found = tuple[int, str, str]  # pid, state, command line
_DETACHED = (
    'cd "$1" && n="$2" && shift 2 && while [ $((n -= 1)) -ge 0 ]; do setsid -f "$@" </dev/null >/dev/null 2>&1; done'
)


class Work(KubernetesTarget):
    """A lab's pods, as far as it goes by commands inside them."""

    def folder(self, node: str) -> str:
        """Name a node's folder in its pod: replicas of a Deployment, all alike, call it as the first of its kind."""
        return node if any(node == each.name for each in PARTS) else names(self._family(node))[0]

    def inside(self, node: str, argv: Sequence[str], *, timeout: float) -> commands.Said:
        """Run a command in a node's folder, in its pod, or beside its volume when that does not run."""
        home, pod = str(HOME / self.folder(node)), self.find(node)
        known = {"PGHOST": home, "PGUSER": "postgres", "PGDATABASE": DATABASE} if node.startswith("postgres-") else {}
        if pod and pod.incarnation:
            words = ["timeout", "-k", "1", f"{timeout:.3f}", "env", "-C", home]
            words += [*(f"{key}={value}" for key, value in known.items()), *argv]
            return commands.inside(self.cluster, pod, words, timeout=timeout + ANSWER_S)
        namespace = self._selections[self._family(node)].namespace
        command = beside.Command(argv=argv, folder=home, known=known, timeout=timeout)
        return beside.ran(self.cluster, namespace, self.pod_of(node), command)

    def pod_of(self, node: str) -> str:
        """Name the pod that a node of the lab has, whether it is there or not."""
        component, _, letter = node.rpartition("-")
        return f"{component}-{LETTERS.index(letter)}" if letter in LETTERS else node

    def pause(self, node: str, incarnation: str) -> None:
        """SIGSTOP all processes of that very instance but the first. VictimGone when it does not run any more."""
        pod = self._there(node)
        if pod.incarnation != incarnation:
            raise VictimGone(f"{node}: {incarnation} does not run any more")
        frozen.mark(self.cluster, pod, self.expires_at)
        listed = here.lister(pod.process)
        with blow.dealt():
            self.signal(pod, signal.SIGSTOP, listed)
            with suppress(TargetError):  # a process stops when it runs next: whoever looks then says whether it is so
                until(lambda: self._stopped(node, listed()), STOPS_WITHIN_S, f"{node} to stop")

    def _stopped(self, node: str, pids: list[int]) -> bool:
        """Tell whether a node's processes but the first are frozen; whoever sees none of them from here asks inside."""
        return here.stopped(pids[1:]) if pids else node in self.paused()

    def resume(self, node: str) -> None:
        """Let the node go on; nothing to do when it is not frozen.

        A kubelet kills what does not answer, and says so only later: meanwhile there is nobody to be woken.
        """
        ends = time.monotonic() + RESUMES_WITHIN_S
        while pod := self.find(node):
            try:
                with suppress(VictimGone):
                    if pod.incarnation:
                        self.signal(pod, signal.SIGCONT)
                frozen.unmark(self.cluster, pod)  # also of one whose processes were killed
            except Unreached:
                raise
            except TargetError:
                if time.monotonic() > ends:
                    raise
                time.sleep(RESUMES_EVERY_S)
            else:
                return

    def paused(self) -> frozenset[str]:
        """Name the nodes that have frozen processes."""
        listed = self._processes()
        return frozenset(name for name, found in listed.items() if any(state[0] in "Tt" for _, state, _ in found))

    def signal(self, pod: Pod, number: signal.Signals, listed: here.Lister | None = None) -> None:
        """Signal all processes of a pod but the first, which asks whether they live; whoever forked meanwhile, too."""
        listed = listed or here.lister(pod.process)
        for once_more in range(ROUNDS):
            seen = listed()
            if once_more and not seen:
                return  # all have ended, and to ask in there for any takes its time
            if not seen or not here.send(number, pod.process, seen[1:]):  # the first is the oldest
                words = f"kill -{number.value} -1; kill -{number.value} -1"  # but for the first, and whoever says it
                self._inside(pod, ["sh", "-c", words])
                return

    def loadable(self, nodes: Collection[str], kind: str) -> bool:
        """Raise Unable for what cannot be set to work in these nodes' pods; True: within their own limits."""
        if kind == "space":
            raise Unable(f"{self.address}: its volumes have no limit of their own: a full one would be the machine's")
        self.permitted({pod.namespace for pod in self._those(nodes)}, rights.RUN)
        return True

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
        """Set programs to work in the node's pod, inside its limits; they end by themselves after `seconds`."""
        code = f"{CODE}/targets/lab/loads/{program(kind).name}"
        words = [f"{key}={value}" for key, value in {**(options or {}), "load": load_id}.items()]
        argv = ["python3", "-I", "-S", code, str(seconds), *words]
        pod = self._there(node)
        self._inside(pod, ["sh", "-c", _DETACHED, "sh", str(HOME / self.folder(node)), str(workers), *argv])
        await_work(lambda: self.loading(load_id), workers)

    def spelled(self, undo: str, *arguments: object) -> tuple[str, ...]:
        """Give kubectl's own commands for it; () where there are none, as for what is done inside pods."""
        return () if undo == "unload" else super().spelled(undo, *arguments)

    def unload(self, load_id: str) -> None:
        """End the load of that id; nothing to do when there is none."""
        if not self._at_work()[load_id]:
            return
        wanted = ["pkill", "-KILL", "-f", f"loads/.* load={re.escape(load_id)}$"]
        self._everywhere(lambda pod: commands.inside(self.cluster, pod, wanted, timeout=ANSWER_S))

    def loading(self, load_id: str) -> int:
        """Count the programs of that load which run."""
        return self._at_work()[load_id]

    def loads(self) -> frozenset[str]:
        """List the ids of the loads at work."""
        return frozenset(self._at_work())

    def _at_work(self) -> Counter[str]:
        lines = [line for found in self._processes().values() for _, _, line in found]
        return Counter(load_id for line in lines if (load_id := load_of(line)))

    def _processes(self) -> dict[str, list[Found]]:
        """List the processes of the nodes that run: as this machine's kernel shows them, or else by `ps` in each."""
        running = {
            pod.process: self.named(pod) for pods in self.everywhere().values() for pod in pods if pod.incarnation
        }
        seen = here.processes(running)
        if seen or not running:
            return {running[process]: found for process, found in seen.items()}
        said = self._everywhere(
            lambda pod: commands.inside(self.cluster, pod, ["ps", "-eo", "pid=,stat=,args="], timeout=ANSWER_S)
        )
        return {name: [_read(line) for line in out.splitlines() if line.strip()] for name, (_, out, _) in said.items()}

    def _everywhere(self, ask: Callable[[Pod], commands.Said]) -> dict[str, commands.Said]:
        """Do something in every pod that runs, all at once; one that ends meanwhile is left out."""
        running = [pod for pods in self.everywhere().values() for pod in pods if pod.incarnation]

        def one(pod: Pod) -> commands.Said | None:
            with suppress(TargetError):
                return ask(pod)
            if (now := self.find(self.named(pod))) and now.incarnation == pod.incarnation:
                return ask(pod)
            return None

        with ThreadPoolExecutor(max(1, len(running))) as pool:
            answers = zip(running, pool.map(one, running), strict=True)
            return {self.named(pod): answer for pod, answer in answers if answer}

    def _inside(self, pod: Pod, argv: Sequence[str]) -> None:
        code, _, err = commands.inside(self.cluster, pod, argv, timeout=ANSWER_S)
        if code:
            raise TargetError(f"{self.named(pod)}: {' '.join(argv[:3])[:80]} ended with {code}: {err.strip()[-300:]}")


def _read(line: str) -> Found:
    pid, state, words = line.split(None, 2)
    return int(pid), state, words
