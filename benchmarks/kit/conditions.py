"""Under which conditions a figure came about: without them it is no figure."""

import os
import platform
from pathlib import Path
from typing import Any


def conditions() -> dict[str, Any]:
    """Describe the machine as it is now, before the benchmark adds its own load."""
    return {
        "machine": model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "real_time_priority": real_time_allowed(),
    }


def model() -> str:
    """Name the processor; the architecture where Linux does not tell."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def real_time_allowed() -> bool:
    """Tell whether a process of ours may go before others, as the measuring client does."""
    if (child := os.fork()) == 0:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def told(found: dict[str, Any]) -> str:
    """Tell them in two lines."""
    load = " ".join(f"{one:.2f}" for one in found["load_average"])
    priority = "real-time priority allowed" if found["real_time_priority"] else "no real-time priority"
    return (
        f"{found['cores']} cores ({found['machine']}), {found['memory_gib']} GiB, Linux {found['kernel']}, "
        f"Python {found['python']}\nload average before: {load} ({_quiet(found)}); {priority}"
    )


def _quiet(found: dict[str, Any]) -> str:
    return "a quiet machine" if found["load_average"][0] < 0.3 else "others were at work, or had just been"
