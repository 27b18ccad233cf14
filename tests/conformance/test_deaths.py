"""Conformance: the harness is killed between every two steps of every fault, and each healer alone puts it back.

Every fault dies at every seam, and meets every healer twice: the healers take turns along the seams and along the
faults, so each seam meets each healer with several faults.  Only one fault, a cheap one, meets all three at every seam,
the door's own among them.  All three for every fault would take three times as long and tell nothing new: a healer
reads the record, which does not say at which seam its owner died.  CI itself has all of that one, and of every other
fault two deaths, at seams that change from fault to fault; the rest is the nightly's.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rollback import guard, journal
from rollback.arming import Permit
from targets.places import ROOT, python_path
from targets.target import Target
from tests.conformance import tried
from tests.conformance.dying import OF_THE_DOOR, SEAMS
from tests.conformance.whole import Whole

PATIENCE_S = 60.0
CHEAP = "outage"


class Harnesses:
    """A warm process that forks harnesses to be killed."""

    def __init__(self, address: str, state: Path) -> None:
        self._case = {"address": address, "state": str(state)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.dying"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def die(self, kind: str, seam: str, *, alone: bool) -> None:
        """Have one live until the seam; with its watchdog when `alone` is what is left."""
        assert self._process.stdin
        assert self._process.stdout
        case: dict[str, Any] = {"kind": kind, "params": tried.params(kind), "seam": seam, "alone": alone}
        self._process.stdin.write(json.dumps(self._case | case) + "\n")
        self._process.stdin.flush()
        assert int(self._process.stdout.readline()) == 9, "it did not die at that seam"

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def harnesses(target: Target, state: Path) -> Iterator[Harnesses]:
    started = Harnesses(target.address, state)
    yield started
    started.close()


@pytest.fixture(scope="module")
def looked_at(harnesses: Harnesses, looked_at: Whole) -> Whole:
    """Look once the harnesses' common parent is there: it is no residue."""
    return looked_at


def watchdog() -> None:
    """Do nothing but wait: it has seen the death."""
    deadline = time.monotonic() + PATIENCE_S
    while journal.open_records() != ((), ()):
        assert time.monotonic() < deadline, "the watchdog did not heal it"
        time.sleep(0.01)


def next_start() -> None:
    with guard.Session(permit=Permit()):
        pass


def by_hand() -> None:
    with red_button() as pressed:
        told = pressed.communicate()[0]
    assert pressed.returncode == 0, told


def red_button() -> "subprocess.Popen[str]":
    """Press it from another folder, as somebody else's shell would."""
    argv = [sys.executable, "-m", "rollback", "stop", "--reason", "the sweep"]
    env = os.environ | {"PYTHONPATH": python_path()}
    return subprocess.Popen(argv, cwd="/", env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One death."""

    kind: str
    seam: str
    healer: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.kind}-{self.seam}-{self.healer.__name__}".replace(" ", "_")


HEALERS: tuple[Callable[[], None], ...] = (watchdog, next_start, by_hand)
CASES = [
    Case(kind=kind, seam=seam, healer=HEALERS[(at + turn) % len(HEALERS)])
    for at, kind in enumerate(tried.kinds())
    for turn, seam in enumerate(SEAMS)
] + [Case(kind=CHEAP, seam=seam, healer=healer) for seam in (*SEAMS, *OF_THE_DOOR) for healer in HEALERS]


def often(case: Case) -> bool:
    """Tell whether CI itself has it die: by this every seam meets two healers or more with other faults, too."""
    at = tried.kinds().index(case.kind)
    return case.kind == CHEAP or (SEAMS.index(case.seam) - at) % len(SEAMS) in (0, 1)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if often(case) else pytest.mark.nightly) for case in dict.fromkeys(CASES)],
    ids=str,
)
def test_a_killed_harness_is_healed(case: Case, whole: Whole, harnesses: Harnesses) -> None:
    tried.planned(case.kind, whole.lab)
    before = closed()
    harnesses.die(case.kind, case.seam, alone=case.healer is not watchdog)
    case.healer()
    assert journal.open_records() == ((), ())
    by = case.healer.__name__.replace("_", " ")
    for record in (journal.read(path) for path in closed() - before):
        assert record.healed_at_ns
        assert record.residue == ()
        assert (record.healed_by or "").startswith(by)
    assert len(closed() - before) == (case.seam != "half written")


def test_a_healer_that_does_nothing_would_be_seen(whole: Whole, harnesses: Harnesses) -> None:
    def nobody() -> None:
        pass

    with pytest.raises(AssertionError, match=f"fault='{CHEAP}'"):
        test_a_killed_harness_is_healed(Case(kind=CHEAP, seam="stamped", healer=nobody), whole, harnesses)
    assert any(CHEAP in line for line in whole.changes())
    by_hand()


def test_the_red_button_pressed_twice_at_once(whole: Whole, harnesses: Harnesses) -> None:
    harnesses.die("partition", "stamped", alone=True)
    with red_button() as one, red_button() as other:
        told = [one.communicate()[0], other.communicate()[0]]
    assert (one.returncode, other.returncode) == (0, 0), told
    assert "".join(told).count("healed partition") == 1, "whoever came second found nothing to do"
    assert journal.open_records() == ((), ())


def closed() -> set[Path]:
    return set((journal.home() / "closed").glob("*.json"))
