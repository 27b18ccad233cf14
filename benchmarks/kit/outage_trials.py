"""Outages that are known, seen by the real client and the real judge; several services and clients side by side."""

import random
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kit.match import Matched, match
from benchmarks.kit.running import Scripted
from benchmarks.kit.scripts import NS, Episode, script, truth
from probes import handle
from probes.watching import INTERVAL_S, TIMEOUT_S, WINDOW_S
from reports.folder import read_drill
from reports.outages import outages

INTERVAL_NS, WINDOW_NS = int(INTERVAL_S * NS), int(WINDOW_S * NS)
STEADY_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Lane:
    """What one client saw of one service."""

    matched: Matched
    lags_ns: tuple[int, ...]  # the client's own
    late_ns: tuple[int, ...]  # the service's: how late its script was


def play(*, seed: int, count: int, lanes: int, on_progress: Callable[[int], None]) -> list[Lane]:
    """Play `count` outages in `lanes` pairs of a service and a client; `on_progress` is told how many are over."""
    over, turn = 0, threading.Lock()

    def finished(episodes: int) -> None:
        nonlocal over
        with turn:
            over += episodes
            on_progress(over)

    episodes = script(random.Random(seed), outages=count, timeout_s=TIMEOUT_S, window_s=WINDOW_S)
    with ThreadPoolExecutor(lanes) as threads:
        return list(threads.map(lambda at: _lane(episodes[at::lanes], finished), range(lanes)))


def _lane(episodes: Sequence[Episode], finished: Callable[[int], None]) -> Lane:
    with tempfile.TemporaryDirectory(prefix="drillyard-meter-") as name, Scripted() as service:
        folder = Path(name)
        stream = {"name": "scripted", "kind": "http", "url": service.url}
        spec = {"folder": name, "interval_s": INTERVAL_S, "timeout_s": TIMEOUT_S, "window_s": WINDOW_S}
        stamps: list[list[int]] = []
        with handle.start({**spec, "streams": [stream], "ledgers": []}) as client:
            client.steady(0, STEADY_S)
            for batch in _batches(episodes, 5):
                stamps += service.tell(do="play", episodes=[one.steps for one in batch])["stamps"]
                finished(len(batch))
            client.steady(stamps[-1][-1], STEADY_S)
            client.finish(STEADY_S)
        return _judged(folder, episodes, stamps)


def _batches(episodes: Sequence[Episode], size: int) -> list[Sequence[Episode]]:
    return [episodes[at : at + size] for at in range(0, len(episodes), size)]


def _judged(folder: Path, episodes: Sequence[Episode], stamps: Sequence[Sequence[int]]) -> Lane:
    (samples,) = read_drill(folder).tracks["scripted"]
    seen = outages(samples, interval_ns=INTERVAL_NS, window_ns=WINDOW_NS)
    every = [truth(one.kind, at, TIMEOUT_S) for one, at in zip(episodes, stamps, strict=True)]
    return Lane(
        matched=match([one for one in every if one], seen, near_ns=2 * INTERVAL_NS),
        lags_ns=tuple(s.lag_ns for s in samples),
        late_ns=tuple(_late(one, at) for one, at in zip(episodes, stamps, strict=True)),
    )


def _late(episode: Episode, stamps: Sequence[int]) -> int:
    return stamps[-1] - stamps[0] - int(episode.seconds * NS)
