"""`--plan`: the `drill` fixture's other face. It reads and tells, and has neither a session nor a client to hurt with.

Of one floor with conftest.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from drills.harness.asked import Asked, Named, ask
from reports.plans import LATER
from rollback import guard
from rollback.arming import Permit
from targets.systems import System
from targets.target import BadInput, DrillyardError, Node, Target, TargetError, Unable

PROPERTY = "drillyard-plan"
REASON = "planned: nothing was injected"


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Takes what a drill takes, writes its plan into the test's report, and ends the test as planned."""

    named: Named
    target: Target
    system: System
    permit: Permit
    results: list[tuple[str, object]] = field(default_factory=list)

    def __call__(
        self,
        experiment: str | Mapping[str, Any],
        *,
        component: str,
        rto: str = "",
        rpo: str = "",
        recovered_by: str = "system",
        also: Sequence[str] = (),
        spares: Sequence[str] = (),
    ) -> NoReturn:
        """Plan it. Bad input fails the test, as it would fail the drill."""
        told: dict[str, Any] = {
            "drill": self.named.drill,
            "component": component,
            "also": list(also),
            "experiment": str(experiment),
        }
        try:
            asked = ask(
                self.target,
                self.system,
                self.named,
                experiment,
                ledger_id="planned",
                component=component,
                rto=rto,
                rpo=rpo,
                recovered_by=recovered_by,
                also=also,
                spares=spares,
            )
            told |= {
                key: asked.objective[key] for key in ("title", "experiment", "rto_s", "rpo_s", "severity", "spares")
            }
            told["injections"] = self._injections(asked)
        except Unable as reason:
            told["unable"] = str(reason)
        except DrillyardError as error:
            pytest.fail(str(error), pytrace=False)
        self.results.append((PROPERTY, json.dumps(told)))
        pytest.skip(REASON)

    def _injections(self, asked: Asked) -> list[dict[str, Any]]:
        severity = str(asked.objective["severity"])
        return [self._injection(dict(one), severity, at) for at, one in enumerate(asked.injections)]

    def _injection(self, params: dict[str, Any], severity: str, at: int) -> dict[str, Any]:
        """Plan one; what comes later is planned on the present state, and what cannot be yet is no error."""
        told: dict[str, Any] = {"fault": params.pop("fault"), "note": LATER if at else ""}
        try:
            plan = guard.plan(self.target, told["fault"], params)
        except (BadInput, TargetError) as error:
            if not at:
                raise
            return told | {"problem": str(error)}
        nodes = _nodes(self.target, self.system)
        return told | {
            "victims": [_victim(name, nodes) for name in plan["victims"]],
            "undo": plan["undo"],
            "refused": guard.refusals(self.permit, severity, self.target, plan, params),
        }


def _nodes(target: Target, system: System) -> dict[str, Node]:
    """Know every node by its name; a component that the target lacks has none."""
    found: dict[str, Node] = {}
    for component in system.components:
        try:
            found |= {node.name: node for node in target.nodes(component)}
        except BadInput:
            continue
    return found


def _victim(name: str, nodes: Mapping[str, Node]) -> dict[str, str]:
    node = nodes.get(name)
    return {"name": name, "role": node.role if node else "", "zone": node.zone if node else ""}
