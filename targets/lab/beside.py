"""Runs a command where a node runs: in its folder, as its user. Standard library only."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from targets.lab import processes
from targets.lab.layout import DATABASE, LOCALHOST
from targets.target import Ran, TargetError


def run_beside(folder: Path, doors: Mapping[str, int], node: str, argv: tuple[str, ...], *, timeout: float) -> Ran:
    """Run a command and give what it said. TargetError when it cannot be run or takes longer than `timeout` seconds."""
    environment = os.environ | {processes.MARK: str(folder)}
    prefix: tuple[str, ...] = ()
    options = {}
    if node.startswith("postgres-"):
        from targets.lab.roles import identity, postgres  # noqa: PLC0415  needed for these nodes only

        programs = postgres.bin_folder()
        found = identity.find_identity(f"{programs}/postgres")
        prefix, options = found.prefix, found.options
        environment["PATH"] = f"{programs}:{environment.get('PATH', os.defpath)}"
        environment |= {"PGHOST": LOCALHOST, "PGPORT": str(doors[node]), "PGUSER": "postgres", "PGDATABASE": DATABASE}
    try:
        done = subprocess.run(
            [*prefix, *argv],
            cwd=folder / node,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            start_new_session=True,
            **options,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"{node}: {argv[0]} did not end within {timeout:.0f} s") from error
    except OSError as error:
        raise TargetError(f"{node}: {argv[0]} cannot be run: {error.strerror}") from error
    return Ran(argv=argv, code=done.returncode, out=done.stdout, err=done.stderr)


class Here:
    """The nodes of a lab on this machine, as targets.lab.settings wants them."""

    def __init__(self, folder: Path, doors: Mapping[str, int]) -> None:
        self.folder = folder
        self.doors = doors

    def ran(self, node: str, argv: Sequence[str], timeout: float) -> Ran:
        """Run a command in the node's folder."""
        return run_beside(self.folder, self.doors, node, tuple(argv), timeout=timeout)

    def text(self, node: str, name: str) -> str | None:
        """Read a file in the node's folder, None when there is none."""
        path = self.folder / node / name
        return path.read_text() if path.is_file() else None

    def write(self, node: str, name: str, text: str) -> None:
        """Write a file in the node's folder, in place: its owner stays who it is."""
        (self.folder / node / name).write_text(text)
