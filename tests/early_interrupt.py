"""A plugin for pytest: somebody presses Ctrl-C while a drill writes its first records."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reports import record

_write = record.write


def pytest_configure() -> None:
    """Have it come between two of them, once."""

    def write(path: Path, data: Mapping[str, Any]) -> None:
        _write(path, data)
        if path.name == "objective.json":
            signal.raise_signal(signal.SIGINT)

    record.write = write
