"""What can be set to work beside the nodes of a lab of containers, inside the containers' own limits."""

import re
import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from targets.boxes import commands, front, here, layout
from targets.lab import volumes
from targets.lab.host import HOME
from targets.lab.loads import await_work, load_of, program


class Loads:
    """The loads of one lab."""

    lab: str

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
        """Set programs to work in the node's container; they end by themselves after `seconds`."""
        options, where, home = dict(options or {}), node, str(HOME / node)
        if kind == "space":  # it outlives the server that ends for want of space, and with it its container
            options["volume"], where, home = str(HOME / node / volumes.NAME), layout.SWITCHBOARD, str(HOME)
        words = [f"{key}={value}" for key, value in {**options, "load": load_id}.items()]
        argv = ["python3", "-I", "-S", f"{layout.CODE}/targets/lab/loads/{program(kind).name}", str(seconds), *words]
        for _ in range(workers):
            commands.inside(self.lab, where, argv, detach=True, workdir=home)
        await_work(lambda: self.loading(load_id), workers)

    def unload(self, load_id: str) -> None:
        """End the load of that id."""
        for node, found in commands.processes(self.lab).items():
            if pids := [pid for pid, _, line in found if load_of(line) == load_id]:
                self._end(node, load_id, pids)

    def _end(self, node: str, load_id: str, pids: list[int]) -> None:
        with suppress(commands.NotRunning):
            if not here.send(signal.SIGKILL, str(commands.inspect(self.lab, node)["Id"]), pids):
                commands.inside(self.lab, node, ["pkill", "-KILL", "-f", f"loads/.* load={re.escape(load_id)}$"])

    def loading(self, load_id: str) -> int:
        """Count the programs of that load which run."""
        return self._at_work()[load_id]

    def loads(self) -> frozenset[str]:
        """List the ids of the loads at work."""
        return frozenset(self._at_work())

    def room(self, node: str) -> int:
        """Say how many bytes are free on the volume to which a PostgreSQL node writes its WAL."""
        return int(front.ask(self.lab, "hosts.room", node=node))

    def room_lacks(self) -> str:
        """Say what keeps such volumes away: nothing."""
        return ""

    def _at_work(self) -> Counter[str]:
        lines = [line for found in commands.processes(self.lab).values() for _, _, line in found]
        return Counter(load_id for line in lines if (load_id := load_of(line)))
