"""A process with a lab of its own that plays one case after another: a JSON line each way.

`{"drill": ..., "death": ..., ...}` with the drill's `length` comes in on stdin, what came of it goes out on stdout.  At
the end of stdin, and on SIGTERM, the lab is taken down.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.kit.killing import trial
from benchmarks.kit.killing.cases import Case
from benchmarks.kit.killing.deaths import Length
from benchmarks.kit.killing.harness import Listener
from benchmarks.kit.killing.trial import Trial
from targets import local
from targets.lab.target import LocalTarget
from targets.target import DrillyardError


class Lane:
    """A lab, as long as it is right, and a folder for the cases."""

    def __init__(self, folder: Path, listener: Listener) -> None:
        self.folder, self.listener, self.count = folder, listener, 0
        self.lab: LocalTarget | None = None

    def play(self, case: Case, length: Length) -> Trial:
        """Play one; a lab in which something was left is replaced, and the case's folder is kept for a look."""
        if case.ephemeral:
            self._replace()  # no other lab beside it: whatever is there afterwards was left
        lab = None if case.ephemeral else self._lab().folder
        self.count += 1
        place = trial.Place(folder=self.folder / f"case-{self.count}", lab=lab)
        try:
            done = trial.play(case, length, place, self.listener)
        except BaseException:
            self._replace()
            raise
        if done.left:
            self._replace()
        else:
            shutil.rmtree(place.folder)
        return done

    def _lab(self) -> LocalTarget:
        if self.lab is None:
            self.lab = local.create()
        return self.lab

    def _replace(self) -> None:
        if self.lab:
            lab, self.lab = self.lab, None
            lab.close()

    def close(self) -> None:
        """Take the lab down."""
        self._replace()


def main() -> None:
    """Play what comes in, one line for each."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="kill-"))
    folder.chmod(0o711)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    with (
        Listener() as listener,
        contextlib.suppress(KeyboardInterrupt),
        contextlib.closing(Lane(folder, listener)) as lane,
    ):
        for line in sys.stdin:
            print(json.dumps(_answered(lane, json.loads(line))), flush=True)
    with contextlib.suppress(OSError):
        folder.rmdir()  # what is kept there is for a look


def _answered(lane: Lane, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"trial": asdict(lane.play(Case(**asked["case"]), Length(**asked["length"])))}
    except DrillyardError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    main()
