"""Several lanes at work on one list of cases."""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Any, Self

from benchmarks.kit.killing import cases, trial
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

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kit.killing.lane", kind],
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


def play(every: Sequence[Case], lengths: dict[str, Length], kinds: Sequence[str], on_trial: OnTrial) -> None:
    """Play all cases on lanes, one with a lab of each of these kinds.

    A drill whose length is not known is first played undisturbed, and `lengths` is added to.  `on_trial` is given every
    trial, the undisturbed ones among them, as it ends.  A case whose drill does not begin counts as not tried, with the
    reason; DrillyardError when that is so of an undisturbed one.
    """
    waiting, turn = deque(every), threading.Lock()
    unknown = {case.drill: threading.Lock() for case in every}

    def one(lane: Lane, case: Case) -> None:
        with unknown[case.drill]:
            if case.drill not in lengths:
                first = _tried(lane, cases.undisturbed(case.drill), Length(whole_s=0.0, test_s=0.0))
                if first.untried:
                    raise DrillyardError(f"{case.named} cannot be played: {first.untried}")
                lengths[case.drill] = Length(**first.length)
                ended(first)
        ended(_tried(lane, case, lengths[case.drill]))

    def ended(found: Trial) -> None:
        with turn:
            on_trial(found)

    def work(kind: str) -> None:
        with Lane(kind) as lane:
            while True:
                with turn:
                    if not waiting:
                        return
                    case = waiting.popleft()
                one(lane, case)

    with ThreadPoolExecutor(len(kinds)) as pool:
        try:
            list(pool.map(work, kinds))
        finally:
            waiting.clear()  # the other lanes end after what they are at


def _tried(lane: Lane, case: Case, length: Length) -> Trial:
    for left in reversed(range(TRIES)):
        try:
            return lane.play(case, length)
        except DrillyardError as error:
            if not left:
                return replace(trial.named(case), untried=str(error))
    raise AssertionError("unreachable")
