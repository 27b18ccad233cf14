"""Seeded scripts of outages, and what is true about them: fixed before anything is measured.

A caller who starts at time t with the patience T is served when the whole expected answer is there by t + T.  An
outage lasts from the first moment at which a caller who starts then is not served to the first moment from which on
every caller is served for at least a window W.  For the kinds below, with [b, e) the time in which the service stamped
its mode as in force, that comes to

    refused, reset, hanging, erring, stalling, cut     [b, e)
    slow        answers after 1.3 T to 2 T             [b, e)
    flapping    down for 40 to 250 ms, up for 40 to 300 ms, and so on      from the first b to the last e: the times
                between are shorter than W (0.5 s)
    frozen      everybody is answered at e             [b, e - T), and no outage when that is empty
    dawdling    answers after 0.2 T to 0.6 T           no outage: whoever reports one is wrong

Each length is drawn log-uniformly between 30 ms and 5 s (stratified: so many per kind that all lengths occur), the
times between two outages evenly from W + 0.2 s to W + 0.8 s, so that outages fall anywhere between two requests.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

SHORTEST_S, LONGEST_S = 0.03, 5.0
MODES = {"refused": "refuse", "reset": "reset", "hanging": "hang", "erring": "500", "stalling": "stall", "cut": "cut"}
DOWN_S, UP_S = (0.04, 0.25), (0.04, 0.3)  # of flapping: longer than two intervals, shorter than the window
NS = 1_000_000_000

Phases = list[tuple[str, float]]  # a mode and the seconds it lasts


@dataclass(frozen=True, kw_only=True)
class Episode:
    """One scripted event, and the calm before it."""

    kind: str
    phases: Phases
    calm_s: float

    @property
    def steps(self) -> Phases:
        """Give what the service plays."""
        return [("up", self.calm_s), *self.phases]

    @property
    def seconds(self) -> float:
        """Say how long it takes."""
        return sum(seconds for _, seconds in self.steps)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """An outage as the service stamped it; ns, monotonic."""

    kind: str
    start_ns: int
    end_ns: int

    @property
    def lasted_ns(self) -> int:
        """Say how long callers were not served."""
        return self.end_ns - self.start_ns


KINDS = (*MODES, "slow", "flapping", "frozen")
CONTROL = "dawdling"


def script(rng: random.Random, *, outages: int, timeout_s: float, window_s: float) -> list[Episode]:
    """Draw so many outages of all kinds in turn, with one control for every ten, in any order."""
    kinds = [KINDS[at % len(KINDS)] for at in range(outages)]
    lengths = [SHORTEST_S * (LONGEST_S / SHORTEST_S) ** ((at + rng.random()) / outages) for at in range(outages)]
    rng.shuffle(lengths)
    kinds += [CONTROL] * (outages // 10)
    lengths += [rng.uniform(0.5, 1.5) for _ in range(outages // 10)]
    made = [
        Episode(
            kind=kind,
            phases=_phases(rng, kind, seconds, timeout_s),
            calm_s=window_s + rng.uniform(0.2, 0.8),
        )
        for kind, seconds in zip(kinds, lengths, strict=True)
    ]
    rng.shuffle(made)
    return made


def _phases(rng: random.Random, kind: str, seconds: float, timeout_s: float) -> Phases:
    if kind in MODES:
        return [(MODES[kind], seconds)]
    if kind == "flapping":
        return _flapping(rng, seconds)
    if kind == "frozen":
        return [("freeze", timeout_s + seconds)]  # callers do without for `seconds`
    share = rng.uniform(1.3, 2.0) if kind == "slow" else rng.uniform(0.2, 0.6)
    return [(f"slow:{share * timeout_s:.3f}", seconds)]


def _flapping(rng: random.Random, seconds: float) -> Phases:
    """Go down and up for about so long, down at both ends; the ways of being down vary."""
    phases: Phases = [(rng.choice(("500", "refuse", "reset")), rng.uniform(*DOWN_S))]
    while sum(lasts for _, lasts in phases) < seconds:
        phases.append(("up", rng.uniform(*UP_S)))
        phases.append((rng.choice(("500", "refuse", "reset")), rng.uniform(*DOWN_S)))
    return phases


def truth(kind: str, stamps: Sequence[int], timeout_s: float) -> Truth | None:
    """Say what is true of an episode that was played: `stamps` of its calm, of each phase, and of its end."""
    start_ns, end_ns = stamps[1], stamps[-1]
    if kind == "frozen":
        end_ns -= int(timeout_s * NS)
    if kind == CONTROL or end_ns <= start_ns:
        return None
    return Truth(kind=kind, start_ns=start_ns, end_ns=end_ns)
