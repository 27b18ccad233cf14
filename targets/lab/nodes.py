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

from targets.lab import loads, processes
from targets.lab.layout import Part
from targets.places import python_path
from targets.target import BadInput, TargetError, VictimGone

BACKOFF_FIRST_S, BACKOFF_MOST_S, HEALTHY_S = 0.1, 5.0, 10.0
_GONE_WITHIN_S = 10.0


class NodeProcess:
    """One node: its folder, its current process, and how often it had to be restarted."""

    def __init__(self, part: Part, lab: Path, config: dict[str, Any]) -> None:
        self.part = part
        self.environment: dict[str, str] = {}  # for the next process of the node, on top of the lab's own
        self.lost = False  # its data is gone, and it was not started since
        self.lab = lab
        self.folder = lab / part.name
        self.restarts = 0
        self.code: int | None = None  # how the last process ended
        self._backoff = BACKOFF_FIRST_S
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()
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
        self._process = self._child(launcher, log="log", environment=self.environment)
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
                preexec_fn=processes.die_with_parent,  # noqa: PLW1509  the supervisor has one thread
            )

    async def _watch(self, process: subprocess.Popen[bytes], began: float) -> None:
        await _exited(process)
        self.code = process.wait()
        self._process = None
        self._kill_leftovers()
        self._ended.set()
        if self.part.restarts:
            self._backoff = BACKOFF_FIRST_S if time.monotonic() - began > HEALTHY_S else self._backoff
            await asyncio.sleep(self._backoff)
            self._backoff = min(2 * self._backoff, BACKOFF_MOST_S)
            self.restarts += 1
            self.spawn()

    async def kill(self, incarnation: str, grace_s: float = 0) -> None:
        """SIGKILL that very instance and all of its processes; returns when they are gone.

        Within `grace_s` it may end by itself, as an orderly shutdown does: PostgreSQL hands over what it has written.
        """
        if incarnation != self.incarnation or self._process is None:
            raise VictimGone(f"{self.part.name}: {incarnation} does not run any more")
        ended = self._ended
        if grace_s:
            self._process.send_signal(signal.SIGINT if self.part.component == "postgres" else signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), grace_s)
                return
        processes.kill_all([self._process.pid])  # the postmaster first: it must not restart its backends
        self._kill_leftovers()
        try:
            await asyncio.wait_for(ended.wait(), _GONE_WITHIN_S)
        except TimeoutError:
            raise TargetError(
                f"{self.part.name}: {incarnation} did not end {_GONE_WITHIN_S:.0f} s after SIGKILL"
            ) from None

    def _kill_leftovers(self) -> None:
        """Kill what the main process left: every PostgreSQL backend is a session of its own."""
        while left := self._pids():
            processes.kill_all(left)
            time.sleep(0.001)  # they are dead when the kernel has taken them down, within milliseconds

    def _pids(self) -> list[int]:
        """List the node's own processes, the main one first; what loads it is not part of it."""
        beside = {each.pid for programs in self._loads.values() for each in programs}
        main = self._process.pid if self._process else 0
        found = [pid for pid, node in processes.members(self.lab).items() if node == self.part.name]
        return sorted(set(found) - beside, key=lambda pid: (pid != main, pid))

    def pause(self, incarnation: str) -> None:
        """Freeze that very instance: the main process first, which must not start others meanwhile."""
        if incarnation != self.incarnation:
            raise VictimGone(f"{self.part.name}: {incarnation} does not run any more")
        while running := [pid for pid in self._pids() if not processes.is_stopped(pid)]:
            processes.send(signal.SIGSTOP, running)
            time.sleep(0.001)  # until the kernel has stopped them

    def resume(self) -> None:
        """Let every process of the node go on, the main one last."""
        processes.send(signal.SIGCONT, self._pids()[::-1])

    @property
    def is_paused(self) -> bool:
        """Say whether any process of the node is stopped."""
        return any(processes.is_stopped(pid) for pid in self._pids())

    def run_beside(self, argv: list[str]) -> None:
        """Have a program do something in the node's folder; nobody waits for it."""
        process = self._child(argv, log="log")
        reaping = asyncio.get_running_loop().create_task(_exited(process))
        reaping.add_done_callback(lambda _: process.wait())

    def load(
        self, load_id: str, *, kind: str, workers: int, seconds: float, options: Mapping[str, str] | None = None
    ) -> None:
        """Set `workers` programs of that kind to work beside the node."""
        program = loads.PROGRAMS / f"{kind}.py"
        if not kind.isidentifier() or not program.is_file():
            raise BadInput(f"the lab has no load of kind {kind!r}; targets/lab/loads/ has one file per kind")
        words = [f"{key}={value}" for key, value in (options or {}).items()]
        argv = [sys.executable, "-I", "-S", str(program), str(seconds), *words]
        self._loads.setdefault(load_id, []).extend(self._child(argv, log="loads.log") for _ in range(workers))

    def unload(self, load_id: str) -> None:
        """End the load of that id."""
        for each in self._loads.pop(load_id, []):
            with suppress(ProcessLookupError):
                each.kill()
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


async def _exited(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a child through its pidfd; no signal handler, no thread."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    handle = os.pidfd_open(process.pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
