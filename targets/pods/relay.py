"""The client in a pod, as if it ran here: python -m targets.pods.relay CONTEXT KUBECONFIG NAMESPACE POD CONTAINER.

Speaks as probes.client does, and runs that very program there: its code is brought along.  What it records comes over
the same connection into the SPEC's folder, in this machine's time; clock.json there says how well that is known.
"""

import io
import json
import os
import queue
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.stream import stream
from kubernetes.stream.ws_client import STDERR_CHANNEL, STDOUT_CHANNEL

from targets.boxes import here
from targets.places import ROOT
from targets.pods.cluster import Cluster
from targets.pods.elsewhere import Clock, both, read
from targets.target import DrillyardError, TargetError

CLOCK = "clock.json"
ROUNDS = 20
TURN_S, ANSWER_S = 0.005, 5.0
_PIECE = 1 << 16
BEGINS = """
import os, runpy, sys, tempfile
size, code = int(sys.argv[1]), b""
while len(code) < size: code += os.read(0, size - len(code))
file, path = tempfile.mkstemp(suffix=".zip")
os.write(file, code)
sys.path.insert(0, path)
sys.argv = ["client", "-"]
runpy.run_module("probes.client", run_name="__main__")
"""


def packed() -> bytes:
    """Pack the client's code."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*(ROOT / "probes").rglob("*.py"), *(ROOT / "targets").glob("*.py")]:
            archive.write(path, path.relative_to(ROOT))
    return made.getvalue()


def stdin() -> io.FileIO:
    """Read no further than asked, and hold nothing: a buffer that a thread waits for keeps Python from ending."""
    return io.FileIO(0, closefd=False)


class Relay:
    """Both ends of one client."""

    def __init__(self, there: Any, folder: Path, favour: Callable[[], None] = lambda: None) -> None:
        self._there, self._folder, self._favour = there, folder, favour
        self._rest = b""
        self._clock: Clock | None = None
        self._early: list[dict[str, Any]] = []  # what was said before the clock was known
        self._commands: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def run(self, spec: dict[str, Any]) -> int:
        """Have the client do what the SPEC says, until it ends; returns its exit code."""
        for name in ("samples.jsonl", "writes.jsonl"):
            (self._folder / name).touch()
        self._say({**spec, "folder": ""})
        threading.Thread(target=self._listen, daemon=True).start()
        while self._there.is_open():
            for event in self._heard(TURN_S):
                self._take(event)
            while not self._commands.empty():
                self._obey(json.loads(self._commands.get()))
        return int(self._there.returncode or 0)

    def _listen(self) -> None:
        for line in stdin():
            self._commands.put(line)
        os._exit(0)  # the harness is gone: the connection breaks, and the client there ends, too

    def _obey(self, command: dict[str, Any]) -> None:
        clock = self._clock or self._asked()  # nobody commands before it is ready
        if command.get("do") == "finish":
            self._note(both(clock, self._asked()))
        self._say(clock.there(command))

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            self._favour()
            self._clock = self._asked()
            self._note(self._clock)
            for early in self._early:
                self._take(early)
        if self._clock is None:
            self._early.append(event)
        elif event["event"] == "record":
            self._record(event["file"], self._clock.record(event["text"]))
        else:
            print(json.dumps(self._clock.here(event)), flush=True)

    def _asked(self) -> Clock:
        """Ask for the time there, several times. TargetError when it is not told."""
        return min((self._once() for _ in range(ROUNDS)), key=lambda clock: clock.bound_ns)

    def _once(self) -> Clock:
        asked_ns = time.monotonic_ns()
        self._say({"do": "clock"})
        found = None
        while found is None:
            if time.monotonic_ns() - asked_ns > ANSWER_S * 1e9 or not self._there.is_open():
                raise TargetError("the client in its pod does not tell the time")
            for event in self._heard(ANSWER_S):
                if event["event"] == "clock":
                    found = read(asked_ns, int(event["now_ns"]), time.monotonic_ns())
                else:
                    self._early.append(event) if self._clock is None else self._take(event)
        return found

    def _note(self, clock: Clock) -> None:
        (self._folder / CLOCK).write_text(json.dumps(asdict(clock)))

    def _record(self, name: str, text: str) -> None:
        with (self._folder / name).open("a" if name.endswith("l") else "w") as file:
            file.write(text)

    def _say(self, line: dict[str, Any]) -> None:
        self._there.write_stdin(json.dumps(line).encode() + b"\n")

    def _heard(self, within_s: float) -> Iterator[dict[str, Any]]:
        """Give what was said meanwhile, whole lines; what goes to stderr there goes to stderr here."""
        self._there.update(timeout=within_s)
        sys.stderr.buffer.write(self._there.read_channel(STDERR_CHANNEL))
        sys.stderr.flush()
        *lines, self._rest = (self._rest + self._there.read_channel(STDOUT_CHANNEL)).split(b"\n")
        return (json.loads(line) for line in lines)


def main(argv: list[str]) -> int:
    """Run it; 2 when the SPEC is wrong, 1 when there is no way to the pod."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the harness's to handle
    context, kubeconfig, namespace, pod, container = argv
    cluster = Cluster(context=context, kubeconfig=Path(kubeconfig) if kubeconfig else None)
    spec, code = json.loads(stdin().readline()), packed()
    try:
        with closing(cluster.client()) as own, cluster.asked(f"{namespace}/{pod}"):
            there = stream(
                client.CoreV1Api(own).connect_get_namespaced_pod_exec,
                pod,
                namespace,
                command=["python3", "-c", BEGINS, str(len(code))],
                stderr=True,
                stdin=True,
                stdout=True,
                tty=False,
                binary=True,
                _preload_content=False,
            )
            for at in range(0, len(code), _PIECE):
                there.write_stdin(code[at : at + _PIECE])
            return Relay(there, Path(spec["folder"]), partial(here.favour, container)).run(spec)
    except DrillyardError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
