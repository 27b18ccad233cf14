"""The reaper: in a pod of the cluster itself it puts back what is past its time, by the same code as the stop.

`python -m targets.pods.reap` runs there, with the rights of its own account.  It is for the day on which the machine
that drills is lost: nobody's records are needed.
"""

import argparse
import sys
import time
from datetime import UTC, datetime

from targets.pods import sweep
from targets.pods.cluster import INSIDE, Cluster
from targets.target import TargetError


def main(argv: list[str] | None = None) -> None:
    """Look again and again, for ever."""
    parser = argparse.ArgumentParser(prog="python -m targets.pods.reap", description=__doc__)
    parser.add_argument("--every", type=float, required=True, help="seconds from one look to the next")
    every = parser.parse_args(argv).every
    cluster = Cluster(context=INSIDE)
    while True:
        once(cluster)
        time.sleep(every)


def once(cluster: Cluster) -> None:
    """Put back what is due now, and say so; what cannot be put back is tried again at the next look."""
    try:
        for what in sweep.sweep(cluster, datetime.now(UTC)):
            print(f"put back: {what}", flush=True)
    except TargetError as error:
        print(f"cannot put back: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
