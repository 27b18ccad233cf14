"""The stop by labels alone beside the commands that a runbook has its operator run: how long until nothing is left."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing

from benchmarks.kit import artefacts
from benchmarks.kit.result import Figure, Result, Say
from benchmarks.kit.tables import number, table
from targets.places import ROOT
from targets.pods.cluster import Cluster
from targets.pods.kindlab import KindTarget
from targets.target import BadInput, DrillyardError, create

TIMES_FASTER = 10.0
ENDS_WITHIN_S = 1800.0
WAIT_S = 30.0  # the runbook's own, for pods to restart
# What the runbook's operator runs, one after another; what is not there costs him the question.
EVERYWHERE = "--all-namespaces"
JOBS = ("app=chaos-engineering", "chaos-type")
POLICIES = ("chaos-experiment", "chaos-type=network-partition", "chaos-type=dependency-failure")
PODS = ("chaos-type=resource-exhaustion", "app=stress-test")
MARKS = ("chaos-promoted", "promotion-time")
BY_HAND = (
    *(f"delete jobs -l {each} -n chaos-testing --ignore-not-found" for each in JOBS),
    *(f"delete networkpolicies -l {each} {EVERYWHERE} --ignore-not-found" for each in POLICIES),
    *(f"delete pods -l {each} {EVERYWHERE} --force --grace-period=0" for each in PODS),
    *(f"scale deployment component-{each} --replicas=2" for each in range(6)),
    *(f"label services -l {each} {each}- {EVERYWHERE}" for each in MARKS),
    f"annotate pods -l chaos-target chaos-target- {EVERYWHERE}",
)
AND_SEE = (f"get pods {EVERYWHERE}", "exec primary-0 -- pg_isready", "exec master-0 -- redis-cli ping")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what it can be told."""
    parser.add_argument("--target", choices=["kind"], default="kind", help="of which kind the cluster is")
    parser.add_argument("--artefacts", type=int, default=1000, help="how many are to be taken away (default: 1000)")
    parser.add_argument("--times", type=int, default=3, help="how often by each (default: 3)")


def measure(options: argparse.Namespace, say: Say) -> Result:
    """Strew and take away, by turns."""
    if options.artefacts < 1 or options.times < 1:
        raise BadInput(f"--artefacts {options.artefacts} --times {options.times}: give whole numbers from 1 on")
    took: dict[str, list[float]] = {"by hand": [], "stop": []}
    with closing(create(options.target, on_progress=say)) as lab:
        assert isinstance(lab, KindTarget)
        cluster, address = lab.cluster, lab.address
        ways = {"by hand": lambda: _by_hand(cluster), "stop": lambda: _stop(address)}
        with artefacts.namespaces(cluster) as where:
            for turn in range(options.times):
                for name, way in ways.items():
                    say(f"{name}, {turn + 1} of {options.times}: {options.artefacts} artefacts")
                    took[name].append(_timed(cluster, where, options.artefacts, way))
    return Result(
        parameters={"artefacts": options.artefacts, "namespaces": artefacts.NAMESPACES, "times": options.times},
        told=[_table(took), f"By hand: {len(BY_HAND) + len(AND_SEE)} commands, and a wait of {WAIT_S:.0f} s."],
        figures=_figures(took),
        details={"took_s": took},
    )


def _figures(took: dict[str, list[float]]) -> list[Figure]:
    """Pair them turn by turn: the worst counts."""
    whole = [hand / ours for hand, ours in zip(took["by hand"], took["stop"], strict=True)]
    busy = [(hand - WAIT_S) / ours for hand, ours in zip(took["by hand"], took["stop"], strict=True)]
    return [
        Figure(name="stop, worst", value=max(took["stop"]), unit="s"),
        Figure(name="times faster, worst", value=min(whole), goal=TIMES_FASTER, sense="at least"),
        Figure(name="times faster without its wait, worst", value=min(busy)),
    ]


def _timed(cluster: Cluster, where: tuple[str, ...], count: int, way: Callable[[], None]) -> float:
    artefacts.strewn(cluster, where, count)
    if (there := artefacts.left(cluster, where)) != count:
        raise DrillyardError(f"{there} of {count} artefacts are there before anything was taken away")
    began = time.monotonic()
    way()
    took = time.monotonic() - began
    if there := artefacts.left(cluster, where):
        raise DrillyardError(f"{there} of {count} artefacts are left")
    return took


def _stop(address: str) -> None:
    """Stop as from a machine that has no records."""
    with tempfile.TemporaryDirectory() as nothing:
        words = [sys.executable, "-m", "rollback", "stop", "--target", address, "--reason", "a benchmark"]
        known = os.environ | {"DRILLYARD_STATE": nothing}
        ran = subprocess.run(
            words, cwd=ROOT, env=known, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False
        )
    if ran.returncode:
        raise DrillyardError(f"the stop ended with code {ran.returncode}: {(ran.stdout + ran.stderr).strip()[-500:]}")


def _by_hand(cluster: Cluster) -> None:
    for words in BY_HAND:
        _kubectl(cluster, words)
    time.sleep(WAIT_S)
    for words in AND_SEE:
        _kubectl(cluster, words)


def _kubectl(cluster: Cluster, words: str) -> None:
    """Run one; some have nothing to do here, which they say with a code of their own."""
    argv = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context, *words.split()]
    subprocess.run(argv, capture_output=True, timeout=ENDS_WITHIN_S, check=False)


def _table(took: dict[str, list[float]]) -> str:
    rows = [(name, *map(number, (statistics.median(each), min(each), max(each)))) for name, each in took.items()]
    return table(("until nothing is left", "median s", "fastest s", "slowest s"), rows)
