"""What the harness writes into a run folder about itself, whole or not at all."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

TOLD = ("pytest", "chaostoolkit-lib", "psycopg", "redis")


def begin(folder: Path, *, target: str, system: str, calibration: Mapping[str, Any] | None = None) -> None:
    """Make the run folder and its run.json, unless another worker of the session was first.

    `calibration`: what this machine's meter was found to be worth; None when nobody looked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "run.json").exists():
        return
    run = {
        "id": folder.name,
        "started_at": datetime.now(UTC).isoformat(),
        "target": target,
        "system": system,
        "calibration": calibration,
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in TOLD}},
    }
    write(folder / "run.json", run)


def environment(target: str) -> dict[str, Any]:
    """Describe the machine at this moment."""
    return {
        "machine": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": list(os.getloadavg()),
        "target": target,
    }


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON so that nobody ever reads half of it."""
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(data, indent=1) + "\n")
    temporary.replace(path)
