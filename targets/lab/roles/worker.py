"""Becomes the queue worker."""

import os
import sys

from targets.lab.roles.common import read_config


def main() -> None:
    """Hand the addresses over and become the worker."""
    config = read_config()
    environment = os.environ | {f"LAB_{name.upper()}": url for name, url in config.urls.items()}
    environment["LAB_NAME"] = config.name
    os.execve(sys.executable, [sys.executable, "-m", "targets.lab.service.worker"], environment)  # noqa: S606


if __name__ == "__main__":
    main()
