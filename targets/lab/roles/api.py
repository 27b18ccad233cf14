"""Becomes one replica of the lab's HTTP API."""

import os
import sys

from targets.lab.roles.common import read_config

RELEASES = {"stable": "targets.lab.service.app:application", "crashing": "targets.lab.service.crashing:application"}


def main() -> None:
    """Hand the addresses over and become uvicorn."""
    config = read_config()
    environment = os.environ | {f"LAB_{name.upper()}": url for name, url in config.urls.items()}
    program = RELEASES[os.environ.get("LAB_RELEASE", "stable")]
    where = ["--host", "0.0.0.0", "--port", str(config.port)] if config.port else ["--uds", config.socket]  # noqa: S104
    words = ["-m", "uvicorn", "--factory", program, *where]
    # it must end at once when it is told to, whoever is still connected
    more = ["--log-level", "warning", "--timeout-graceful-shutdown", "1", "--backlog", "1024"]
    os.execve(sys.executable, [sys.executable, *words, *more], environment)  # noqa: S606


if __name__ == "__main__":
    main()
