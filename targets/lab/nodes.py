"""A node's processes, as the supervisor sees them: start, restart like a kubelet, kill, load. Standard library only."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from targets.lab import children, loads, processes, spaces
from targets.lab.layout import RELEASES, Part
from targets.places import python_path
from targets.target import TargetError, VictimGone

BACKOFF_FIRST_S, BACKOFF_MOST_S, HEALTHY_S = 0.1, 5.0, 10.0
ENDS_WITHIN_S = 1.5  # asked to end, it has so long to finish what it is at
RELEASE = "LAB_RELEASE"  # in a launcher's environment: which release to become
_GONE_WITHIN_S = 10.0
_TURN_S = 0.002


class NodeProcess:
    """One node: its folder, its current process, and how often it had to be restarted."""

    def __init__(self, part: Part, lab: Path, config: dict[str, Any], space: int | None = None) -> None:
        """`space`: the descriptor of its network namespace, where it has one."""
        self.part = part
        self.space = space
        self.environment: dict[str, str] = {}  # for the next process of the node, on top of the lab's own
        self.lost = False  # its data is gone, and it was not started since
        self.lab = lab
        self.folder = lab / part.name
        self.restarts = 0
        self.wanted = not part.spare  # it is to run
        self.grounded = False  # its host is gone: nobody restarts it until it is started
        self.releases = list(RELEASES.get(part.component, ())[:1])  # those it was given; the last is in force
        self.code: int | None = None  # how the last process ended
        self._backoff = BACKOFF_FIRST_S
        self._process: subprocess.Popen[bytes] | None = None
        self._latest: subprocess.Popen[bytes] | None = None  # the one that is restarted when it ends
        self._ended = asyncio.Event()
        self._clearing = 0
        self._loads: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.folder.mkdir(mode=0o711)
        self.folder.chmod(0o711)
        (self.folder / "node.json").write_text(json.dumps(config, indent=1))
        (self.folder / "node.json").chmod(0o644)

    @property
    def incarnation(self) -> str | None:
        """Identify the running process, None when there is none."""
        return processes.incarnation(self._process.pid) if self._process else None

    def spawn(self) -> None:
        """Start the node's launcher; nothing to do when it runs."""
        if self._process is not None:
            return
        self.lost = False
        launcher = [sys.executable, "-m", f"targets.lab.roles.{self.part.component}", "node.json"]
        self._ended = asyncio.Event()
        self.grounded = False
        self._process = self._latest = self._child(launcher, log="log", environment=self.environment)
        asyncio.get_running_loop().create_task(self._watch(self._process, time.monotonic()))

    def _child(
        self, argv: list[str], *, log: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        own = {"PYTHONPATH": python_path(), "PYTHONUNBUFFERED": "1"}
        with (self.folder / log).open("ab") as out:
            return subprocess.Popen(
                argv,
                cwd=self.folder,
                env={**os.environ, **own, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=self._settle,  # noqa: PLW1509  the supervisor has one thread
            )

    def _settle(self) -> None:
        spaces.enter_for_good(self.space)
        processes.die_with_parent()  # after it: a change of rights undoes it

    async def _watch(self, process: subprocess.Popen[bytes], began: float) -> None:
        await children.exited(process)
        self.code = process.wait()
        self._process = None
        await self._kill_leftovers()
        self._ended.set()
        self._backoff = BACKOFF_FIRST_S if time.monotonic() - began > HEALTHY_S else self._backoff
        await asyncio.sleep(self._backoff)
        if self.part.restarts and self.wanted and not self.grounded and self._latest is process:
            self._backoff = min(2 * self._backoff, BACKOFF_MOST_S)
            self.restarts += 1
            self.spawn()

    def forgive(self) -> None:
        """Begin anew with the wait before a restart: somebody has put the node right."""
        self._backoff = BACKOFF_FIRST_S

    async def retire(self) -> None:
        """End the node in order, for as long as nobody wants it."""
        self.wanted = False
        await self._end()

    async def replace(self, release: str) -> None:
        """Let the node run that release, and start it at once where it runs or waits for its restart.

        It is in force from the call on: who looks meanwhile sees it, who deploys another meanwhile has the last word.
        """
        grounded = self.grounded
        self.releases += [release] if self.releases[-1:] != [release] else []
        self.environment[RELEASE] = release
        await self._end()
        self.restarts = 0
        self.forgive()
        if self.wanted and not grounded:
            self.spawn()

    def follow(self, other: "NodeProcess") -> None:
        """Take a place beside another node: wanted, and of the same release."""
        self.wanted = True
        self.releases, self.environment = list(other.releases), dict(other.environment)

    def note(self, text: str) -> None:
        """Write a line of the supervisor's into the node's log."""
        with (self.folder / "log").open("a") as out:
            out.write(f"supervisor: {text}\n")

    async def _end(self) -> None:
        self._latest = None  # whoever waits to restart it has nothing to do any more
        if running := self.incarnation:
            with suppress(VictimGone):
                await self.kill(running, ENDS_WITHIN_S)

    async def kill(self, incarnation: str, grace_s: float = 0, *, for_good: bool = False) -> None:
        """SIGKILL that very instance and all of its processes; returns when they are gone.

        Within `grace_s` it may end by itself, as an orderly shutdown does: PostgreSQL hands over what it has written.
        """
        if incarnation != self.incarnation or self._process is None:
            raise VictimGone(f"{self.part.name}: {incarnation} does not run any more")
        self.grounded = self.grounded or for_good
        ended = self._ended
        if grace_s:
            self._process.send_signal(signal.SIGINT if self.part.component == "postgres" else signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), grace_s)
                return
        processes.kill_all([self._process.pid])  # the postmaster first: it must not restart its backends
        await self._kill_leftovers()
        try:
            await asyncio.wait_for(ended.wait(), _GONE_WITHIN_S)
        except TimeoutError:
            raise TargetError(
                f"{self.part.name}: {incarnation} did not end {_GONE_WITHIN_S:.0f} s after SIGKILL"
            ) from None

    async def _kill_leftovers(self) -> None:
        """Kill what the main process left: every PostgreSQL backend is a session of its own."""
        self._clearing += 1  # nobody may start the node anew: the new one would be taken for a leftover
        try:
            while left := self._pids():
                processes.kill_all(left)
                await asyncio.sleep(_TURN_S)  # until the kernel has taken them down; the links go on meanwhile
        finally:
            self._clearing -= 1

    async def cleared(self) -> None:
        """Wait until nothing of an earlier life is left."""
        while self._clearing:  # noqa: ASYNC110  milliseconds, after a kill
            await asyncio.sleep(_TURN_S)

    def _pids(self) -> list[int]:
        """List the node's own processes, the main one first; what loads it is not part of it."""
        beside = {each.pid for programs in self._loads.values() for each in programs}
        main = self._process.pid if self._process else 0
        found = [pid for pid, node in processes.members(self.lab).items() if node == self.part.name]
        return sorted(set(found) - beside, key=lambda pid: (pid != main, pid))

    async def pause(self, incarnation: str) -> None:
        """Freeze that very instance: the main process first, which must not start others meanwhile."""
        if incarnation != self.incarnation:
            raise VictimGone(f"{self.part.name}: {incarnation} does not run any more")
        while running := [pid for pid in self._pids() if not processes.is_stopped(pid)]:
            processes.send(signal.SIGSTOP, running)
            await asyncio.sleep(_TURN_S)  # until the kernel has stopped them

    def resume(self) -> None:
        """Let every process of the node go on, the main one last."""
        processes.send(signal.SIGCONT, self._pids()[::-1])

    def run_beside(self, argv: list[str]) -> None:
        """Have a program do something in the node's folder; nobody waits for it."""
        process = self._child(argv, log="log")
        reaping = asyncio.get_running_loop().create_task(children.exited(process))
        reaping.add_done_callback(lambda _: process.wait())

    def load(
        self, load_id: str, *, kind: str, workers: int, seconds: float, options: Mapping[str, str] | None = None
    ) -> None:
        """Set `workers` programs of that kind to work beside the node."""
        words = [f"{key}={value}" for key, value in (options or {}).items()]
        argv = [sys.executable, "-I", "-S", str(loads.program(kind)), str(seconds), *words]
        self._loads.setdefault(load_id, []).extend(self._child(argv, log="loads.log") for _ in range(workers))

    async def unload(self, load_id: str) -> None:
        """End the load of that id; the links go on while the kernel takes back what it held."""
        ending = self._loads.pop(load_id, [])
        for each in ending:
            with suppress(ProcessLookupError):
                each.kill()
        for each in ending:
            if each.poll() is None:
                await children.exited(each)
            each.wait()

    def loading(self, load_id: str) -> int:
        """Count the programs of that load which run."""
        return sum(each.poll() is None for each in self._loads.get(load_id, []))

    def loads(self) -> list[str]:
        """List the ids of the loads at work."""
        return [load_id for load_id in self._loads if self.loading(load_id)]

    def last_words(self, lines: int = 15) -> str:
        """Give the end of the node's log."""
        with suppress(OSError):
            return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-lines:])
        return ""
