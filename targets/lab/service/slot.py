"""A slot of the worker: a process that does one job at a time, so that a job that kills it takes no other job along.

A job stays in the slot's processing list until it is done, is to be tried again, or is given up.  What a slot that
comes back finds there has cost an attempt, and is tried again after the others: it may be what killed the slot.
A dependency that is away is waited for, job in hand.
"""

import json
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from targets.lab.service import lists
from targets.lab.service.rows import AWAY, Away, Rows, master

TRIES = 3
LOOK_EVERY_S = 0.2
AGAIN_AFTER_S = 0.1
DONE = ""


@dataclass(kw_only=True)
class Held:
    """A job in hand; `to` is where it goes once it was tried: DONE, or a queue."""

    text: str
    attempt: int
    interrupted: bool  # the attempt was begun by a slot that is dead
    to: str | None = None


class Slot:
    """One slot; `name` is its processing list's."""

    def __init__(self, name: str, database: str, redis_url: str) -> None:
        self.name = name
        self._rows = Rows(database)
        self._redis = master(redis_url)
        self._held: Held | None = None
        self._take = self._redis.register_script(lists.TAKE)
        self._leave = self._redis.register_script(lists.LEAVE)

    def run(self) -> None:
        """Do jobs until killed."""
        while True:
            try:
                self.step()
            except AWAY as error:
                print(f"{self.name}: {type(error).__name__}: {error}", flush=True)
                time.sleep(AGAIN_AFTER_S)

    def step(self) -> None:
        """Do one job, or find that there is none."""
        self._held = held = self._held or self._next()
        if held is None:
            return
        if held.to is None:
            held.to = self._try(held)
        self._let_go(held, held.to)
        self._held = None

    def _next(self) -> Held | None:
        found: Any = self._take(keys=[self.name, lists.ATTEMPTS, lists.BEGUN, *lists.WAITING])
        if found:
            return Held(text=str(found[0]), attempt=int(found[1]), interrupted=not found[2])
        # the next TAKE finds it, and counts it before it is begun
        self._redis.blmove("queue:medium", self.name, LOOK_EVERY_S, "RIGHT", "LEFT")  # type: ignore[arg-type]
        return None

    def _try(self, held: Held) -> str:
        if not held.interrupted:
            try:
                self._do(json.loads(held.text), held.attempt)
            except Away:
                raise
            except Exception as error:  # noqa: BLE001  whatever a job's content does must not end the slot
                print(f"{self.name}: attempt {held.attempt} of {held.text[:200]}: {error!r}", flush=True)
            else:
                return DONE
        if held.attempt < TRIES:
            return lists.AGAIN
        self._give_up(held.text)
        return lists.FAILED

    def _do(self, job: dict[str, Any], attempt: int) -> None:
        order = int(job["order"]) if "order" in job else None
        execution = self._rows.begin(int(job["job"]), attempt, self.name) if "job" in job else None
        time.sleep(lists.takes(job.get("takes_s", lists.WORK_S)))
        _end(job.get("ends"))
        if order is not None:
            self._rows.finish_order(order)
        elif execution is not None:
            self._rows.finish(execution)
        else:
            raise ValueError("neither a job nor an order")

    def _give_up(self, text: str) -> None:
        """Mark the row, so that it is not swept up again; the entry itself may be anything."""
        try:
            job = json.loads(text)
            kind = next(each for each in ("order", "job") if each in job)
            self._rows.give_up(kind, int(job[kind]))
        except Away:
            raise
        except Exception as error:  # noqa: BLE001  no row stands behind it
            print(f"{self.name}: gives up {text[:200]}, which has no row: {error!r}", flush=True)

    def _let_go(self, held: Held, to: str) -> None:
        target = [to] if to else []
        forget = "keep" if to == lists.AGAIN else "forget"
        self._leave(keys=[self.name, lists.ATTEMPTS, lists.BEGUN, *target], args=[held.text, forget])


def _end(how: str | None) -> None:
    """End a job as its content says: the sample's stand-in for content that its code cannot bear."""
    if how == "raise":
        raise RuntimeError("poisoned")
    if how == "exit":
        os._exit(3)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
