"""How each death is brought about, at a given moment; and what follows when nobody is left to put back."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit.killing import cases, confined
from benchmarks.kit.killing.cases import Case
from benchmarks.kit.killing.confined import Confined
from benchmarks.kit.killing.harness import Harness
from rollback.records import started_ticks
from targets.places import ROOT

TTL_S = 5.0  # of a fault whose harness is frozen
BEYOND_S = 1.5  # for how much longer it stays frozen: the watchdog waits out injections that may be under way
APART_S = 1.0  # at most, between two Ctrl-C
LEAST_S = 0.01  # pytest-timeout takes 0 for "never"
IN_PROCESS = {"os._exit": "exit", "segfault": "segfault", cases.MEMORY: "eat"}
SIGNALS = {name: signal.Signals[name] for name in (cases.SIGKILL, "SIGTERM", "SIGHUP", "SIGINT")}
NEXT_START = """
from rollback import guard
from rollback.arming import Permit
with guard.Session(permit=Permit()):
    pass
"""


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long a drill takes when nobody disturbs it, in seconds."""

    whole_s: float  # with its setup and its teardown
    test_s: float  # the test alone: pytest-timeout watches over nothing else


@dataclass(frozen=True, kw_only=True)
class Struck:
    """When it died, or was hit; monotonic ns. `both`: and its watchdog with it."""

    at_ns: int
    both: bool = False


def options(case: Case, length: Length) -> list[str]:
    """Give what pytest is told for this death."""
    if case.death in cases.TIMEOUTS:
        seconds = max(LEAST_S, case.share * length.test_s)
        return [f"--timeout={seconds:.3f}", f"--timeout-method={cases.TIMEOUTS[case.death]}"]
    return ["-n", "1"] if case.death == cases.WORKER else []


def room(case: Case) -> Callable[[Path], AbstractContextManager[Confined]]:
    """Say how the harness is confined."""
    rooms = {cases.DISK_FULL: confined.small_disk, cases.MEMORY: confined.small_memory}
    return rooms.get(case.death, confined.at_large)


def strike(case: Case, length: Length, harness: Harness, room: Confined) -> Struck:
    """Wait for the moment, and let it die."""
    began_ns = int(harness.expect("begins")["at_ns"])
    if case.death in cases.TIMEOUTS:
        return _timed_out(case, length, harness)
    at_ns = began_ns + int(case.share * length.whole_s * 1e9)
    time.sleep(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
    if case.death in IN_PROCESS:
        return _by_itself(harness, IN_PROCESS[case.death], room)
    if case.death == cases.DISK_FULL:
        room.fill()
        return Struck(at_ns=time.monotonic_ns())
    if case.death == cases.FROZEN:
        return _frozen(case, harness)
    return _killed(case, harness)


def _killed(case: Case, harness: Harness) -> Struck:
    pid = int(harness.events["begins"]["pid"]) if case.death == cases.WORKER else harness.pid
    if case.death == cases.BOTH and (watchdog := harness.watchdog()):
        _send(watchdog, signal.SIGKILL)
    at_ns = time.monotonic_ns()
    _send(pid, SIGNALS.get(case.death.removesuffix(" twice"), signal.SIGKILL))
    if case.death.endswith("twice"):
        time.sleep(case.dice * APART_S)
        _send(pid, signal.SIGINT)
    return Struck(at_ns=at_ns, both=case.death == cases.BOTH)


def _timed_out(case: Case, length: Length, harness: Harness) -> Struck:
    timed_ns = int(harness.expect("timed")["at_ns"])
    return Struck(at_ns=timed_ns + int(max(LEAST_S, case.share * length.test_s) * 1e9))


def _by_itself(harness: Harness, word: str, room: Confined) -> Struck:
    watchdog = harness.watchdog()
    harness.tell(word)
    if word == "eat":  # it is over when the kernel says so, which may take the watchdog, too
        at_ns = harness.ended() or time.monotonic_ns()
        return Struck(at_ns=at_ns, both=bool(watchdog and room.taken() > 1 and started_ticks(watchdog) is None))
    harness.ended()
    harness.drain()
    return Struck(at_ns=harness.events.get("dies", {}).get("at_ns", time.monotonic_ns()))


def _frozen(case: Case, harness: Harness) -> Struck:
    """Freeze it for longer than its faults may last; then let it go on, or kill it."""
    at_ns = time.monotonic_ns()
    _send(harness.pid, signal.SIGSTOP)
    time.sleep(TTL_S + BEYOND_S)
    _send(harness.pid, signal.SIGCONT if case.dice < 0.5 else signal.SIGKILL)
    return Struck(at_ns=at_ns)


def heal(case: Case, room: Confined, *, both: bool) -> int | None:
    """Do what somebody has to do where nobody was left: gives when it began (monotonic ns), None where that is so."""
    if case.death == cases.DISK_FULL:
        room.free()
    elif not both:
        return None
    by_hand = [sys.executable, "-m", "rollback", "stop", "--reason", "kill benchmark"]
    next_start = [sys.executable, "-c", NEXT_START]
    began_ns = time.monotonic_ns()
    argv = [*room.prefix, *(by_hand if case.death == cases.DISK_FULL or case.dice < 0.5 else next_start)]
    subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return began_ns


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
