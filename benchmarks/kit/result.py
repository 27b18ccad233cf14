"""What a benchmark comes to: figures beside their goals, and how they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from benchmarks.kit import tables


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number beside its goal; `value` None is "not measured", which meets no goal."""

    name: str
    value: float | None
    unit: str = ""
    goal: float | None = None  # None: told for the reader, and holds nothing
    sense: Literal["at most", "at least"] = "at most"

    @property
    def ok(self) -> bool:
        """Tell whether the goal is kept; without a goal there is nothing to break."""
        if self.goal is None:
            return True
        if self.value is None:
            return False
        return self.value <= self.goal if self.sense == "at most" else self.value >= self.goal

    def told(self) -> tuple[str, str, str]:
        """Give name, number and goal as a row of a table."""
        goal = "" if self.goal is None else f"{self.sense} {tables.number(self.goal)} {self.unit}".rstrip()
        mark = "" if self.goal is None else "ok" if self.ok else "SHORT"
        return f"{self.name}", f"{tables.number(self.value)} {self.unit}".rstrip(), f"{goal}  {mark}".strip()

    def to_json(self) -> dict[str, Any]:
        """Give what --json tells."""
        goal = None if self.goal is None else {"is": self.sense, "value": self.goal}
        return {"name": self.name, "value": self.value, "unit": self.unit, "goal": goal, "ok": self.ok}


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything a benchmark has to say."""

    parameters: Mapping[str, Any]  # what it was run with, the seed among it
    figures: Sequence[Figure]
    told: Sequence[str] = ()  # tables and remarks for the reader, before the figures
    details: Mapping[str, Any] = field(default_factory=dict)  # for --json alone

    @property
    def ok(self) -> bool:
        """Tell whether every goal is kept."""
        return all(figure.ok for figure in self.figures)


class Say(Protocol):
    """Tells on stderr how far a benchmark has come."""

    def __call__(self, text: str, /) -> None:
        """Tell it in one line."""
