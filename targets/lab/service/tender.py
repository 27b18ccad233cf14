"""Beside the slots: the worker's sign of life, and a sweep that enqueues again what Redis has lost."""

import time

from targets.lab.service import lists
from targets.lab.service.rows import AWAY, Rows, master

EVERY_S = 0.5
LOST_AFTER_S = 1.5  # the API keeps its deadlines: by then an entry is in its list, or never will be
ALIVE_TTL_S = 3
MOST = 1000  # longer queues are not searched: a backlog is not a loss


class Tender:
    """Looks after the queues, for one worker."""

    def __init__(self, worker: str, slots: list[str], database: str, redis_url: str) -> None:
        self._alive = f"worker:{worker}:alive"
        self._slots = slots
        self._rows = Rows(database)
        self._redis = master(redis_url)

    def run(self) -> None:
        """Look again and again until killed."""
        while True:
            try:
                self.step()
            except AWAY as error:
                print(f"tender: {type(error).__name__}: {error}", flush=True)
            time.sleep(EVERY_S)

    def step(self) -> None:
        """Give a sign of life, name the processing lists, sweep."""
        self._redis.set(self._alive, str(time.time()), ex=ALIVE_TTL_S)
        self._redis.sadd(lists.SLOTS, *self._slots)
        for kind in ("order", "job"):
            self._sweep(kind)

    def _entries(self) -> set[str] | None:
        """Read what is in the queues and in the slots' hands; None when it is too much to read."""
        names = [*lists.WAITING, *sorted(str(slot) for slot in self._redis.smembers(lists.SLOTS))]
        if sum(int(self._redis.llen(name)) for name in names) > MOST:
            return None
        with self._redis.pipeline() as pipe:  # a transaction: an entry that moves is not missed
            for name in names:
                pipe.lrange(name, 0, -1)
            return {str(entry) for entries in pipe.execute() for entry in entries}

    def _sweep(self, kind: str) -> None:
        """Enqueue what has a row, is in no list, and is still not done: looked at in this order, so nothing slips by.

        A job is marked done before it leaves its list, so one that left between the first look and the second is not
        open at the third.
        """
        rows = self._rows.unfinished(kind, LOST_AFTER_S)
        known = self._entries() if rows else None
        if known is None:
            return
        entries = {}
        for job, priority, takes_s in rows:
            text = lists.order_job(job) if kind == "order" else lists.job_text(job, takes_s)
            if text not in known:
                entries[job] = (f"queue:{priority}", text)
        for job in self._rows.enqueue_again(kind, list(entries)) if entries else []:
            self._redis.lpush(*entries[job])
