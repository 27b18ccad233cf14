"""A process with a lab of its own, of the kind that its argument names, that plays one case after another.

`{"drill": ..., "death": ..., ...}` with the drill's `length` comes in on stdin, what came of it goes out on stdout, a
JSON line each.  At the end of stdin, and on SIGTERM, the lab is taken down.
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
from targets.target import Closable, DrillyardError, create


class Lane:
    """A lab, as long as it is right, and a folder for the cases."""

    def __init__(self, kind: str, folder: Path, listener: Listener) -> None:
        self.kind, self.folder, self.listener, self.count = kind, folder, listener, 0
        self.lab: Closable | None = None

    def play(self, case: Case, length: Length) -> Trial:
        """Play one; a lab in which something was left is replaced, and the case's folder is kept for a look."""
        if case.ephemeral:
            self._replace()  # no other lab beside it: whatever is there afterwards was left
        lab = "" if case.ephemeral else self._lab().address
        self.count += 1
        place = trial.Place(folder=self.folder / f"case-{self.count}", kind=self.kind, lab=lab)
        try:
            done = trial.play(case, length, place, self.listener)
        except BaseException as ended:
            self._replace()
            if isinstance(ended, KeyboardInterrupt):
                shutil.rmtree(place.folder, ignore_errors=True)
            raise
        if done.left:
            self._replace()
        else:
            shutil.rmtree(place.folder)
        return done

    def _lab(self) -> Closable:
        if self.lab is None:
            self.lab = create(self.kind, on_progress=lambda _text: None)
            if self.kind == "containers":
                from benchmarks.kit.world import boxes  # noqa: PLC0415  the engine's client is for those who have one

                boxes.prepare(self.lab.address.partition(":")[2])
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
        contextlib.closing(Lane(sys.argv[1], folder, listener)) as lane,
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
