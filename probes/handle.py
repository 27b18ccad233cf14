"""The harness's end of the client: start it, ask whether the system is steady, have it finish."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from probes.public import public
from targets.target import BadInput, DrillyardError

ROOT = Path(__file__).resolve().parents[1]
CLIENT = (sys.executable, "-m", "probes.client", "-")
START_S = 20.0
GRACE_S = 5.0  # on top of what the client itself was given: a busy machine answers late


@dataclass(frozen=True, kw_only=True)
class Steady:
    """Since when all streams and ledgers answer without a failure; None, and why, when they do not."""

    since_ns: int | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the client has seen so far, for the eye only: nothing is judged by it."""

    after_ns: int  # what was asked about
    answered: int  # requests that have their result
    good: int  # of these, as expected
    since_ns: int | None  # the start of the clean window that lasts until now
    why: str  # why there is none


def start(spec: Mapping[str, Any], argv: Sequence[str] = CLIENT) -> "Client":
    """Start the client for a SPEC (its `folder` exists) and wait until it runs.

    `argv`: of another program that speaks as the client does, one that runs it elsewhere.
    The SPEC goes to the client through a pipe; client.json in the folder shows it without the passwords in its URLs.
    BadInput when the SPEC is wrong, DrillyardError when the client does not start.
    """
    folder = Path(spec["folder"]).resolve()
    whole = {**spec, "folder": str(folder)}
    (folder / "client.json").write_text(json.dumps(public(whole), indent=1))
    with (folder / "client.log").open("wb") as log:
        process = subprocess.Popen(
            list(argv),
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in the terminal is for the harness alone
        )
    client = Client(process, folder / "client.log")
    try:
        client.tell(whole)
        client.expect("ready", START_S)
    except BaseException:
        client.kill()
        raise
    return client


class Client:
    """A running client; a context manager that leaves none behind. May be used from any thread, one at a time."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        assert process.stdin is not None  # noqa: S101  for mypy: both are pipes
        assert process.stdout is not None  # noqa: S101
        self._process, self._log, self._commands = process, log, process.stdin
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._figures: Figures | None = None
        self._owed = False  # an answer to `figures`; never more than one, so that no pipe fills up
        self._turn, self._writing = threading.Lock(), threading.Lock()
        self._reader = threading.Thread(target=self._receive, args=(process.stdout,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Give the client's process id."""
        return self._process.pid

    def steady(self, after_ns: int, timeout_s: float) -> Steady:
        """Wait up to `timeout_s` for a clean window of everything at or after `after_ns` (time.monotonic_ns()).

        DrillyardError when the client died.
        """
        with self._turn:
            self.tell({"do": "steady", "after_ns": after_ns, "timeout_s": timeout_s})
            event = self.expect(("steady", "not steady"), timeout_s + GRACE_S)
        return Steady(since_ns=event.get("since_ns"), why=event.get("why", ""))

    def figures(self, after_ns: int, names: Sequence[str]) -> Figures | None:
        """Give the newest figures of the named sources, None before the first, and ask for others. Never waits."""
        if not self._owed:
            self._owed = True
            with contextlib.suppress(OSError, ValueError):  # it has ended; whoever waits for it will say so
                self._send({"do": "figures", "after_ns": after_ns, "names": list(names)})
        return self._figures

    def finish(self, timeout_s: float) -> None:
        """Stop asking, read every ledger back, end the client; DrillyardError when that takes longer or fails."""
        with self._turn:
            until = time.monotonic() + timeout_s
            try:
                self.tell({"do": "finish"})
                self.expect("finished", timeout_s)
                self._process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass  # everything is on disk
            finally:
                self.kill()

    def kill(self) -> None:
        """End the client without grace; nothing to do when it has ended. What it recorded stays."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        with self._writing, contextlib.suppress(OSError):  # a command that never got through
            self._commands.close()

    def expect(self, wanted: str | tuple[str, ...], timeout_s: float) -> dict[str, Any]:
        """Wait for an event."""
        try:
            event = self._events.get(timeout=timeout_s)
        except queue.Empty:
            raise DrillyardError(
                f"the measuring client did not say {wanted!r} within {timeout_s:g} s; see {self._log}"
            ) from None
        if event is None:
            raise self._died()
        if event["event"] not in ((wanted,) if isinstance(wanted, str) else wanted):
            raise DrillyardError(f"the measuring client said {event['event']!r} instead of {wanted!r}")
        return event

    def check(self) -> None:
        """Return while the client runs; BadInput or DrillyardError, as it told, when it has ended."""
        if self._process.poll() is not None:
            raise self._died()

    def tell(self, line: Mapping[str, Any]) -> None:
        """Send one line to the client."""
        try:
            self._send(line)
        except (OSError, ValueError):  # a broken pipe, or one that kill() closed
            raise self._died() from None

    def _send(self, command: Mapping[str, object]) -> None:
        with self._writing:
            self._commands.write(json.dumps(command).encode() + b"\n")
            self._commands.flush()

    def _receive(self, stdout: IO[bytes]) -> None:
        with stdout:
            for line in stdout:
                event = json.loads(line)
                if event.pop("event") == "figures":
                    self._figures, self._owed = Figures(**event), False
                else:
                    self._events.put(json.loads(line))
        self._events.put(None)

    def _died(self) -> DrillyardError:
        code = self._process.wait()
        self._events.put(None)  # whoever asks next learns the same
        said = self._log.read_text(errors="replace").strip().splitlines()
        if code == 2 and said:
            return BadInput(said[-1])
        return DrillyardError(
            f"the measuring client ended with code {code} ({said[-1] if said else 'it said nothing'}); "
            f"nothing after that is measured, see {self._log}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
