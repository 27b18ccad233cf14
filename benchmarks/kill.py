"""Harnesses that die at random moments of random drills, of random deaths: what is left, who heals, how fast."""

import argparse
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from benchmarks.kit.killing import cases, lanes, playable, told
from benchmarks.kit.killing.deaths import Length
from benchmarks.kit.killing.trial import Trial
from benchmarks.kit.result import Result, Say
from rollback.records import boot_id
from targets import places, where
from targets.target import BadInput

LENGTHS = "drill-lengths-{}.json"  # in the state folder: of this boot of the machine
SIDE_BY_SIDE = {"local": 2, "containers": 1, "kind": 1}  # one engine's labs are seen by all


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--times", type=int, default=told.RUNS, help=f"how many harnesses (default: {told.RUNS})")
    parser.add_argument(
        "--seed", type=int, default=1, help="decides drill, death and moment of every case (default: 1)"
    )
    parser.add_argument("--case", metavar="N or N-M", help="only these of the seed's cases, from 0 on")
    parser.add_argument("--target", choices=SIDE_BY_SIDE, default="local", help="kind of lab (default: local)")
    parser.add_argument("--side-by-side", type=int, help="labs at once (default: 2 local ones, 1 of any other kind)")
    parser.add_argument("-k", metavar="EXPRESSION", default="", help="only drills that match, as pytest's -k")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Let them die, and look."""
    chosen = _chosen(options)
    goals, lengths = told.GOALS[options.target], _known(options.target)
    kinds = [options.target] * max(1, options.side_by_side or SIDE_BY_SIDE[options.target])
    trials: list[Trial] = []
    with _cluster(options.target, say):
        say("asking which drills a lab here can play")
        drills = playable.drills(options.target, options.k)
        every = [cases.case(options.seed, index, drills) for index in chosen]
        with suppress(KeyboardInterrupt):  # what was seen until then is told
            lanes.play(every, lengths, kinds, _teller(say, len(every), trials))
    _keep(options.target, lengths)
    return Result(
        parameters={
            "times": len(every),
            "seed": options.seed,
            "target": options.target,
            "side_by_side": len(kinds),
            "drills": len(drills),
        },
        told=[told.of_deaths(trials), told.healers(trials), told.by_fault(trials), *told.left(trials, options.seed)],
        figures=told.figures(trials, goals, whole=options.case is None and options.times >= goals.runs),
        details={"trials": [asdict(one) for one in trials]},
    )


@contextmanager
def _cluster(kind: str, say: Say) -> Iterator[None]:
    """Have one cluster for all labs of that kind, where nobody has named one; no lab of it takes it away."""
    if kind != "kind" or where.KIND_CLUSTER in os.environ:
        yield
        return
    from targets.pods import clusters  # noqa: PLC0415  its client is for those who have clusters

    name = f"benchmark-{os.getpid()}"
    say("making a cluster of three nodes")
    clusters.create(name)
    os.environ[where.KIND_CLUSTER] = name
    try:
        yield
    finally:
        clusters.delete(name)


def _chosen(options: argparse.Namespace) -> Sequence[int]:
    if options.case is None:
        if options.times < 1:
            raise BadInput(f"--times {options.times}: give a whole number from 1 on")
        return range(options.times)
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", options.case)
    if not found:
        raise BadInput(f"--case {options.case}: give a number from 0 on, or two with a hyphen: 20-39")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise BadInput(f"--case {options.case}: {last} comes before {first}")
    return range(first, last + 1)


def _teller(say: Say, count: int, done: list[Trial]) -> lanes.OnTrial:
    def on_trial(trial: Trial) -> None:
        done.append(trial)
        dead = sum(one.death != cases.UNDISTURBED for one in done)
        what = f"{trial.death} in {trial.drill.rpartition('::')[2]}" + "".join(f": {one}" for one in trial.left[:1])
        say(f"{dead} of {count}, {sum(bool(one.left) for one in done)} left something: {what}")

    return on_trial


def _known(kind: str) -> dict[str, Length]:
    """Read how long drills took since this machine was started; another boot may be another machine."""
    try:
        kept = json.loads(_kept(kind).read_text())
        return (
            {drill: Length(**length) for drill, length in kept["lengths"].items()} if kept["boot"] == boot_id() else {}
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _keep(kind: str, lengths: dict[str, Length]) -> None:
    told = {"boot": boot_id(), "lengths": {drill: asdict(length) for drill, length in lengths.items()}}
    _kept(kind).write_text(json.dumps(told, indent=1) + "\n")


def _kept(kind: str) -> Path:
    return places.state_dir() / LENGTHS.format(kind)
