"""The queue worker: a parent that keeps its slots alive, each a process of its own, and a tender beside them.

A killed worker loses no job, a job that kills its slot is tried three times and then given up, and every job is done
at least once: twice when its slot dies between doing it and saying so.
"""

import ctypes
import gc
import os
import resource
import signal
import time
from collections.abc import Callable

from targets.lab.service.slot import Slot
from targets.lab.service.tender import Tender

SLOTS = 6
AGAIN_AFTER_S = 0.05
_PR_SET_PDEATHSIG = 1


def spawn(run: Callable[[], None], *, after_s: float = 0) -> int:
    """Start a child that dies with its parent; it begins after a pause of its own, so that none waits for another."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == parent:
        try:
            time.sleep(after_s)
            run()
        except BaseException as error:  # noqa: BLE001  the parent starts another one
            print(f"worker: {error!r}", flush=True)
    os._exit(1)


def main() -> None:
    """Keep all children running until killed."""
    name, database, redis_url = (os.environ[key] for key in ("LAB_NAME", "LAB_POSTGRES", "LAB_REDIS"))
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))  # a job that crashes its slot leaves no core file
    slots = [f"processing:{name}:{number}" for number in range(1, SLOTS + 1)]
    parts: list[Callable[[], None]] = [lambda: Tender(name, slots, database, redis_url).run()]
    parts += [lambda slot=slot: Slot(slot, database, redis_url).run() for slot in slots]  # type: ignore[misc]
    gc.freeze()  # what exists now is shared with the children: nobody's collection has to touch it
    running = {spawn(part): part for part in parts}
    while True:
        child, status = os.wait()
        part = running.pop(child)
        print(f"worker: a child ended with {os.waitstatus_to_exitcode(status)}, another one starts", flush=True)
        running[spawn(part, after_s=AGAIN_AFTER_S)] = part


if __name__ == "__main__":
    main()
