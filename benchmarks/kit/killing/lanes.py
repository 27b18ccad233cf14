"""Several lanes at work on one list of cases."""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Self

from benchmarks.kit.killing import cases
from benchmarks.kit.killing.cases import Case
from benchmarks.kit.killing.deaths import Length
from benchmarks.kit.killing.trial import Trial
from targets.places import ROOT
from targets.target import DrillyardError

GRACE_S = 60.0  # for a lab to go down
TRIES = 3  # of a drill that does not begin: a lab may not come up on a busy machine

OnTrial = Callable[[Trial], None]


class Lane:
    """The benchmark's end of a lane's process; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kit.killing.lane"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C is for the benchmark, which ends its lanes in order
        )

    def play(self, case: Case, length: Length) -> Trial:
        """Play a case. DrillyardError when it could not be played."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"case": asdict(case), "length": asdict(length)}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise DrillyardError(f"a lane ended with code {self._process.wait()} at case {case.index}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DrillyardError(f"case {case.index}, {case.named}, {case.death}: {answer['error']}")
        return Trial(**answer["trial"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def play(every: Sequence[Case], lengths: dict[str, Length], count: int, on_trial: OnTrial) -> list[Trial]:
    """Play all cases on `count` lanes; a drill whose length is not known is first played undisturbed.

    `lengths` is added to.  Gives all trials, the undisturbed ones among them, in the order in which they ended.
    """
    waiting, done, turn = deque(every), [], threading.Lock()
    unknown = {case.drill: threading.Lock() for case in every}

    def one(lane: Lane, case: Case) -> None:
        with unknown[case.drill]:
            if case.drill not in lengths:
                first = _tried(lane, cases.undisturbed(case.drill), Length(whole_s=0.0, test_s=0.0))
                lengths[case.drill] = Length(**first.length)
                ended(first)
        ended(_tried(lane, case, lengths[case.drill]))

    def ended(trial: Trial) -> None:
        with turn:
            done.append(trial)
            on_trial(trial)

    def work(_: int) -> None:
        with Lane() as lane:
            while True:
                with turn:
                    if not waiting:
                        return
                    case = waiting.popleft()
                one(lane, case)

    with ThreadPoolExecutor(count) as pool:
        try:
            list(pool.map(work, range(count)))
        finally:
            waiting.clear()  # the other lanes end after what they are at
    return done


def _tried(lane: Lane, case: Case, length: Length) -> Trial:
    for left in reversed(range(TRIES)):
        try:
            return lane.play(case, length)
        except DrillyardError:
            if not left:
                raise
    raise AssertionError("unreachable")
