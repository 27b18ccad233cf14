"""A poisoned job in the queue: whoever does it breaks, each time it is tried again."""

import json
import uuid
from typing import Any

from experiments.faults import Plan, able, chosen, spelled
from targets.abilities import Enqueueable
from targets.target import BadInput, Target

KIND = "other"
ENDS = ("raise", "exit", "crash")
MOST = 100
_MARK = '"id": "poison-'


def plan(
    target: Target, *, component: str, ends: str = "raise", count: int = 1, takes_s: float = 0.02
) -> dict[str, Any]:
    """Write `count` jobs for the workers of `component`, each of which takes `takes_s` seconds and then `ends`.

    `ends`: "raise", an error that the worker can catch; "exit", its process ends; "crash", it dies of SIGSEGV.
    """
    able(target, Enqueueable, "put jobs into a queue")
    if ends not in ENDS or not 1 <= count <= MOST or not 0 <= takes_s <= 10:
        raise BadInput(
            f"poison: ends={ends!r}, count={count}, takes_s={takes_s}; "
            f"use {', '.join(ENDS)}, 1 to {MOST} jobs, and 0 to 10 seconds"
        )
    jobs = [{"id": f"poison-{uuid.uuid4().hex[:8]}", "takes_s": takes_s, "ends": ends} for _ in range(count)]
    return {
        "victims": chosen(target, component),
        "jobs": [json.dumps(job) for job in jobs],
        "undo": "take the poisoned jobs out of every queue",
    }


def inject(target: Target, plan: Plan) -> None:
    """Enqueue the jobs."""
    able(target, Enqueueable, "put jobs into a queue").put_jobs(plan["jobs"])


def active(target: Target, plan: Plan) -> bool | None:
    """Tell whether a job is still tried; None once all that are there were given up."""
    places = able(target, Enqueueable, "look into a queue").find_jobs(_MARK)
    mine = {places[job] for job in plan["jobs"] if job in places}
    if not mine:
        return False
    return None if mine == {"failed"} else True


def heal(target: Target, plan: Plan) -> None:
    """Take the jobs out of wherever they are."""
    able(target, Enqueueable, "take jobs out of a queue").drop_jobs(plan["jobs"])


def by_hand(target: Target, plan: Plan) -> list[str]:
    """Write down how to take the jobs out of the queue."""
    return spelled(target, "drop_jobs", plan["jobs"])


def residue(target: Target) -> list[str]:
    """Name the poisoned jobs that are in any queue, those that were given up included."""
    places = able(target, Enqueueable, "look into a queue").find_jobs(_MARK)
    return [f"poisoned job {json.loads(job)['id']} is {places[job]}" for job in sorted(places)]
