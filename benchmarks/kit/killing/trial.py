"""One case from its beginning to the look at what it has left."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.kit import world
from benchmarks.kit.killing import cases, deaths
from benchmarks.kit.killing import harness as harnesses
from benchmarks.kit.killing.allowed import AFTER_A_DEATH, WHILE_THE_DISK_IS_FULL
from benchmarks.kit.killing.cases import Case
from benchmarks.kit.killing.confined import Confined, Untried
from benchmarks.kit.killing.deaths import Length, Struck
from benchmarks.kit.killing.harness import Harness, Listener
from benchmarks.kit.killing.plugin import TTL
from benchmarks.kit.world.allowed import Allowed
from rollback import health, journal
from rollback.records import Injection

SETTLES_S = 45.0  # servers come back, standbys are copied anew, a lab is taken down
POLL_S = 0.05
MS = 1_000_000
UNTIMED = (cases.DISK_FULL, cases.UNDISTURBED)  # nobody dies there


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of a case."""

    index: int
    drill: str
    death: str
    ephemeral: bool
    untried: str = ""  # why this machine did not permit it
    at_s: float | None = None  # after the drill's beginning
    open: int = 0  # injections on record at that moment
    faults: Sequence[str] = ()  # their kinds, and what they hurt: "kill of api"
    reacted_ms: float | None = None  # until the first of them began to be put back
    healed_ms: float | None = None  # until the last of them was put back
    healed_by: Sequence[str] = ()
    left: Sequence[str] = ()  # what was left behind, a sentence each
    length: dict[str, float] = field(default_factory=dict)  # of an undisturbed one


@dataclass(frozen=True, kw_only=True)
class Place:
    """The folders of one case, and the address of the lab that it is played on; "": it has one of its own."""

    folder: Path
    kind: str  # of the lab: "local", "containers" or "kind"
    lab: str

    @property
    def state(self) -> Path:
        """Give the folder of its records."""
        return self.folder / "state"

    @property
    def tmp(self) -> Path:
        """Give its folder of temporary files."""
        return self.folder / "tmp"

    def make(self) -> None:
        """Make them; PostgreSQL, which root runs as nobody, has to pass."""
        for folder in (self.folder, self.state, self.tmp):
            folder.mkdir(mode=0o711)
            folder.chmod(0o711)

    def seen(self) -> world.World:
        """Look at everything that is of this case."""
        lab = self.lab.partition(":")[2] or None
        if self.kind == "local":
            return world.snapshot(Path(lab) if lab else None, state=self.state, tmp=self.tmp)
        from benchmarks.kit.world import boxes, cluster  # noqa: PLC0415  their clients are for those who have an engine

        look = boxes.snapshot if self.kind == "containers" else cluster.snapshot
        return look(lab, state=self.state, tmp=self.tmp)


def play(case: Case, length: Length, place: Place, listener: Listener) -> Trial:
    """Play it on its lab; DrillyardError when its drill did not begin."""
    place.make()
    os.environ["DRILLYARD_STATE"] = str(place.state)
    try:
        with deaths.room(case)(place.state) as room:
            return _Play(case, length, place, room).play(listener)
    except Untried as reason:
        return replace(named(case), untried=str(reason))


def named(case: Case) -> Trial:
    """Begin a case's trial."""
    return Trial(index=case.index, drill=case.drill, death=case.death, ephemeral=case.ephemeral)


class _Play:
    """A case under way."""

    def __init__(self, case: Case, length: Length, place: Place, room: Confined) -> None:
        self.case, self.length, self.place, self.room = case, length, place, room
        self.before = world.settled(place.seen, within_s=SETTLES_S)

    def play(self, listener: Listener) -> Trial:
        with self._harness(listener) as harness:
            struck = self._strike(harness)
            left = [] if harness.ended() else [f"the harness still runs after {harnesses.ENDS_WITHIN_S:.0f} s"]
            harness.drain()
        if self.case.death == cases.DISK_FULL:  # put back it must be all the same, if not written down
            left += _until_nothing(lambda: self._harm(WHILE_THE_DISK_IS_FULL))
        healing_ns = deaths.heal(self.case, self.room, both=struck.both)
        left += _until_nothing(lambda: [*self._open(), *self._harm()])
        return replace(
            named(self.case),
            death=cases.TAKEN if struck.both and self.case.death == cases.MEMORY else self.case.death,
            at_s=(struck.at_ns - int(harness.events["begins"]["at_ns"])) / 1e9,
            left=left,
            length=_length(harness.events) if self.case.death == cases.UNDISTURBED else {},
            **self._healing(struck, healing_ns),
        )

    def _harness(self, listener: Listener) -> Harness:
        case, place = self.case, self.place
        command = harnesses.argv(
            case.drill, place.lab or place.kind, place.folder / "run", *deaths.options(case, self.length)
        )
        ttl = {TTL: str(deaths.TTL_S)} if case.death == cases.FROZEN else {}
        env = {"DRILLYARD_STATE": str(place.state), "TMPDIR": str(place.tmp), **ttl}
        return Harness(listener, [*self.room.prefix, *command], env=env, out=place.folder / "out")

    def _strike(self, harness: Harness) -> Struck:
        if self.case.death != cases.UNDISTURBED:
            return deaths.strike(self.case, self.length, harness, self.room)
        harness.expect("begins")
        return Struck(at_ns=harness.ended() or time.monotonic_ns())

    def _open(self) -> list[str]:
        said = "open: {0.fault} of {0.victims} ({0.error})"
        return [said.format(record) for record in self._records("open")]

    def _harm(self, allowed: Sequence[Allowed] = AFTER_A_DEATH) -> list[str]:
        """Say what differs in the world, past the faults' own words; then what the six points say."""
        differs, lab = world.left(self.before, self.place.seen(), allowed), self.place.lab
        if differs or not lab:
            return differs
        wrong = [point for point in health.check([lab])[1:] if point.state == "NOT ok"]
        return [says for point in wrong for says in point.says]

    def _records(self, kind: str) -> list[Injection]:
        return [journal.read(path) for path in sorted((self.room.state / kind).glob("*.json"))]

    def _healing(self, struck: Struck, healing_ns: int | None) -> dict[str, Any]:
        """Say by whom what was open at that moment was put back, and after how long."""
        records = [*self._records("closed"), *self._records("open")]
        hit = [r for r in records if r.planned_at_ns <= struck.at_ns < (r.healed_at_ns or struck.at_ns + 1)]
        timed = [] if self.case.death in UNTIMED else [r for r in hit if r.healed_at_ns]
        since = {r.id: self._since(r, struck, healing_ns) for r in timed}
        return {
            "open": len(hit),
            "faults": sorted({_kind(r) for r in hit}),
            "healed_by": sorted({(r.healed_by or "nobody").partition(" by ")[0] for r in hit if r.healed_at_ns}),
            "reacted_ms": min((((r.heal_started_ns or 0) - since[r.id]) / MS for r in timed), default=None),
            "healed_ms": max((((r.healed_at_ns or 0) - since[r.id]) / MS for r in timed), default=None),
        }

    def _since(self, record: Injection, struck: Struck, healing_ns: int | None) -> int:
        """Say from when on its healing is timed: from the death, its expiry, or when somebody came."""
        expires_ns = record.expires_at_ns if self.case.death == cases.FROZEN else 0
        return healing_ns or max(struck.at_ns, expires_ns)


def _kind(record: Injection) -> str:
    hurt = sorted({name.rpartition("-")[0] for name in record.plan["victims"]})
    return f"{record.fault} of {', '.join(hurt)}"


def _until_nothing(look: Callable[[], list[str]]) -> list[str]:
    """Look until nothing is left, or for as long as anything may take."""
    deadline = time.monotonic() + SETTLES_S
    while (found := look()) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return found


def _length(events: dict[str, dict[str, Any]]) -> dict[str, float]:
    def between(first: str, last: str) -> float:
        return float(events[last]["at_ns"] - events[first]["at_ns"]) / 1e9

    return asdict(Length(whole_s=between("begins", "ends"), test_s=between("called", "returned")))
