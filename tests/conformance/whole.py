"""A lab whose world is held against what it was."""

from benchmarks.kit import world
from benchmarks.kit.world import boxes
from benchmarks.kit.world.allowed import ALLOWED, MOVED
from targets.boxes.target import ContainersTarget
from targets.lab.target import LocalTarget

SETTLES_S = 30.0  # servers that were restarted find one another again; nothing here asserts on how fast

Lab = LocalTarget | ContainersTarget


class Whole:
    """A lab and the world as it was when it was whole."""

    def __init__(self, lab: Lab, *, settles_s: float = SETTLES_S) -> None:
        self.lab = lab
        if isinstance(lab, ContainersTarget):
            boxes.prepare(lab.lab)
        self._settles_s = settles_s
        self._before = self._look()

    def check(self, *, moved: bool = False) -> None:
        """Assert that nothing is left. `moved`: a leader's role may have gone to another node."""
        allowed = (*ALLOWED, *MOVED) if moved else ALLOWED
        left = world.left_after(self._before, self._snapshot, within_s=self._settles_s, allowed=allowed)
        if left or moved:
            self._before = self._look()  # the next test shall not be blamed for this one
        assert left == [], "\n".join(left)

    def changes(self) -> list[str]:
        """Say what differs now."""
        return world.left(self._before, self._snapshot())

    def _look(self) -> world.World:
        return world.settled(self._snapshot, within_s=self._settles_s)

    def _snapshot(self) -> world.World:
        lab = self.lab
        return world.snapshot(lab.folder) if isinstance(lab, LocalTarget) else boxes.snapshot(lab.lab)
