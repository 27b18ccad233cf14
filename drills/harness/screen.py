"""What a person sees while drills run: on a terminal a few lines in place, elsewhere a plain line now and then.

It writes to a copy of the file descriptor that pytest began with, so that it neither touches nor trips over the
capture; it asks the client for figures and never waits for them; it runs in a thread of its own, unawaited.
Of one floor with conftest.py.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from probes.handle import Figures
from reports import live

EVERY_S = 0.2  # between two pictures on a terminal
SILENT_S = 1.6  # in a pipe, after which a line says that it goes on: with a busy machine's delay below 2 s


@dataclass(kw_only=True)
class Scene:
    """What goes on at this moment. Its parts are set by the main thread and read by the drawing one."""

    title: str
    rto_s: float | None = None
    phase: str = "beginning"
    since_ns: int = field(default_factory=time.monotonic_ns)  # of the phase
    t0_ns: int | None = None  # the fault is confirmed
    ask: Callable[[int], Figures | None] = lambda _after_ns: None

    def enter(self, phase: str) -> None:
        """Go on to another phase."""
        self.phase, self.since_ns = phase, time.monotonic_ns()

    def activity(self, row: Mapping[str, Any]) -> None:
        """Follow the experiment: an activity begins (no `status` yet), or has ended."""
        if "status" not in row:
            label = {"before": "steady before", "after": "steady after", "rollbacks": "putting back"}
            self.enter(f"{label[row['phase']]}: {row['name']}" if row["phase"] in label else row["name"])
        elif isinstance(said := row.get("output"), dict) and self.t0_ns is None and not said.get("prepares"):
            self.t0_ns = said.get("injected_at_ns")

    def picture(self) -> live.Picture:
        """Take it down for drawing."""
        now, after_ns = time.monotonic_ns(), self.t0_ns or 0
        seen = self.ask(after_ns)
        known = seen is not None and seen.after_ns == after_ns  # else it speaks of the time before the fault
        return live.Picture(
            title=self.title,
            phase=self.phase,
            phase_s=(now - self.since_ns) / 1e9,
            served=(seen.good, seen.answered) if seen else None,
            clock=live.clock(now, self.t0_ns, seen.since_ns if seen and known else None),
            failing=seen.why if seen and known else "",
            rto_s=self.rto_s,
        )


class Screen:
    """The one of a process. `descriptor` is its own; None: nobody looks."""

    def __init__(self, descriptor: int | None, *, in_place: bool, make_room: Callable[[], None] = lambda: None) -> None:
        self._fd, self._in_place, self._make_room = descriptor, in_place, make_room
        self._drawn = 0  # lines that stand there to be drawn over
        self._said_s = time.monotonic()
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """Leave a plain line behind, where nothing is drawn in place."""
        if not self._in_place:
            self.leave(text)

    def leave(self, text: str) -> None:
        """Leave a plain line behind, wherever somebody looks; not while a scene is drawn."""
        if self._fd is not None:
            self._make_room()
            with self._lock:
                self._put(f"  {text}\n")

    @contextlib.contextmanager
    def scene(self, title: str, rto_s: float | None = None) -> Iterator[Scene]:
        """Show what goes on while the block runs; nothing of it is left on a terminal."""
        scene, over = Scene(title=title, rto_s=rto_s), threading.Event()
        if self._fd is None:
            yield scene
            return
        self._make_room()
        threading.Thread(target=self._draw, args=(scene, over), daemon=True).start()
        try:
            yield scene
        finally:
            over.set()
            with self._lock:
                self._put("")

    def close(self) -> None:
        """Wipe what was drawn, and give the descriptor back."""
        with self._lock:
            self._put("")
            if self._fd is not None:
                os.close(self._fd)
            self._fd = None

    def _draw(self, scene: Scene, over: threading.Event) -> None:
        while not over.wait(EVERY_S):
            with self._lock:
                if over.is_set() or self._fd is None:
                    return
                picture = scene.picture()
                if self._in_place:
                    lines = live.drawn(picture, _width(self._fd))
                    self._put("".join(f"{line}\n" for line in lines), drawn=len(lines))
                elif time.monotonic() - self._said_s > SILENT_S:
                    self._put(f"  {live.told(picture)}\n")

    def _put(self, text: str, *, drawn: int = 0) -> None:
        """Write in one go, over what was drawn before."""
        if self._fd is None:
            return
        wipe = f"\x1b[{self._drawn}A\r\x1b[J" if self._drawn else ""
        self._drawn, self._said_s = drawn, time.monotonic()
        with contextlib.suppress(OSError):  # the terminal is gone; the drill goes on
            os.write(self._fd, (wipe + text).encode())


NOBODY = Screen(None, in_place=False)


def _width(descriptor: int) -> int:
    try:
        return os.get_terminal_size(descriptor).columns or 80
    except OSError:
        return 80
