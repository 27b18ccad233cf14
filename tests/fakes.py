"""A target in memory, for the door's own logic; what runs on real servers is tried on the lab."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from rollback import journal
from targets import places
from targets.rules import Rule
from targets.target import Node, Ran, TargetError, TargetGone, VictimGone


@dataclass
class FakeTarget:
    """Nodes a-1 and a-2 of component a; `broken` names the calls that fail, `deaf` those that do nothing."""

    address: str = "fake:one"
    disposable: bool = True
    running: dict[str, str | None] = field(default_factory=lambda: {"a-1": "1:1", "a-2": "2:1"})
    rules: set[str] = field(default_factory=set)
    at_work: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    gone: bool = False
    calls: list[str] = field(default_factory=list)

    def _called(self, name: str) -> bool:
        self.calls.append(name)
        if self.gone:
            raise TargetGone("fake:one does not exist any more")
        if name in self.broken:
            raise TargetError(f"{name} is broken")
        return name not in self.deaf

    def nodes(self, component: str, role: str | None = None) -> tuple[Node, ...]:
        self._called("nodes")
        named = [name for name in (*self.running, "c-1") if name.startswith(f"{component}-")]  # c-1 is nobody's victim
        return tuple(Node(name=name, component=component, role=role or "") for name in named)

    def endpoint(self, component: str) -> str:
        return f"http://127.0.0.1/{component}"

    def run(self, node: Node, argv: Sequence[str], *, timeout: float) -> Ran:
        return Ran(argv=tuple(argv), code=0, out=f"{node.name} {timeout}", err="")

    def incarnation(self, node: str) -> str | None:
        self._called("incarnation")
        return self.running[node]

    def kill(self, node: str, incarnation: str, *, grace_s: float = 0, for_good: bool = False) -> None:
        if self._called("kill for good" if for_good else "kill with grace" if grace_s else "kill"):
            if self.running[node] != incarnation:
                raise VictimGone(f"{node} is not {incarnation} any more")
            self.running[node] = None

    def start(self, node: str) -> None:
        if self._called("start") and self.running[node] is None:
            self.running[node] = "9:9"

    def down(self) -> tuple[str, ...]:
        self._called("down")
        return tuple(name for name, instance in self.running.items() if instance is None)

    def cut(self, rule: Rule) -> None:
        if self._called("cut"):
            self.rules.add(rule.id)

    def means(self, rule: Rule) -> str:
        return f"a set in memory for {rule.id}"

    def uncut(self, rule_id: str) -> None:
        if self._called("uncut"):
            self.rules.discard(rule_id)

    def cuts(self) -> frozenset[str]:
        self._called("cuts")
        return frozenset(self.rules)

    def load(
        self,
        node: str,
        *,
        load_id: str,
        kind: str,
        workers: int,
        seconds: float,
        options: Mapping[str, str] | None = None,
    ) -> None:
        if self._called("load") and seconds > 0 and node and kind and options is None:
            self.at_work[load_id] = workers

    def unload(self, load_id: str) -> None:
        if self._called("unload"):
            self.at_work.pop(load_id, None)

    def loading(self, load_id: str) -> int:
        self._called("loading")
        return self.at_work.get(load_id, 0)

    def loads(self) -> frozenset[str]:
        self._called("loads")
        return frozenset(self.at_work)


def install(monkeypatch: pytest.MonkeyPatch, target: FakeTarget) -> None:
    """Let `attach("fake:...")` find this target."""
    module = ModuleType("targets.fake")
    module.__spec__ = ModuleSpec("targets.fake", None)
    module.attach = lambda _: target  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "targets.fake", module)
    monkeypatch.setattr(places, "SHARED", (journal.home(),))  # other tests drill on a fake of the same name
