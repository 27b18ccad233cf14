"""What Chaos Mesh is asked for: which pods, which way, by how much, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from targets.pods import mesh, netchaos
from targets.pods.cluster import Cluster
from targets.pods.expiry import EXPIRES
from targets.pods.policies import CUT, MANAGED, OURS
from targets.pods.workloads import Pod
from targets.rules import Rule
from targets.target import TargetError, Unable

RULE = Rule(id="delay-1", sources=("web-1",), destinations=("db-0",), mode="delay", seconds=0.1)
SERVICE = "10.96.0.7"


def pod(name: str, **more: Any) -> Pod:
    known: dict[str, Any] = dict.fromkeys(
        ("uid", "host", "zone", "role", "address", "container", "owner", "process"), ""
    ) | {
        "annotations": {}, "labels": {}, "finalizers": (), "incarnation": name, "port": 0, "restarts": 0,
        "leaving": False, "runs": True, "ready": True, "held": False,
    }  # fmt: skip
    return Pod(name=name, namespace="shop", **known | more)


def specs(rule: Rule = RULE, expires: datetime | None = None) -> dict[str, dict[str, Any]]:
    sources, destinations = [pod("web-1"), pod("web-2")], [pod("db-0")]
    found = netchaos.written(rule, sources, destinations, [SERVICE], expires)
    for each in found:
        assert each["metadata"]["labels"] == {MANAGED: OURS, CUT: rule.id, "chaos-type": "delay"}
    return {each["metadata"]["name"]: each["spec"] for each in found}


def test_it_names_both_sides_pod_by_pod_and_the_services_between_them() -> None:
    common = {
        "action": "delay",
        "mode": "all",
        "selector": {"pods": {"shop": ["web-1", "web-2"]}},
        "delay": {"latency": "100000us"},
        "target": {"mode": "all", "selector": {"pods": {"shop": ["db-0"]}}},
    }
    assert specs() == {
        "drillyard-delay-1-there": common | {"direction": "to", "externalTargets": [f"{SERVICE}/32"]},
        "drillyard-delay-1-back": common | {"direction": "from"},  # answers come from pods
    }


@pytest.mark.parametrize("direction", ["there", "back"])
def test_of_one_way_only_that_one_is_slow(direction: str) -> None:
    assert specs(replace(RULE, direction=direction)).keys() == {f"drillyard-delay-1-{direction}"}


def test_it_ends_by_itself_when_its_time_is_over() -> None:
    ends = datetime.now(UTC) + timedelta(seconds=90)
    assert {each["duration"] for each in specs(expires=ends).values()} <= {"89s", "90s"}
    for found in netchaos.written(RULE, [pod("web-1")], [pod("db-0")], [], ends):
        assert found["metadata"]["annotations"][EXPIRES] == ends.isoformat(timespec="seconds")


class Known(Cluster):
    """A cluster that has Chaos Mesh, or has not, and answers with one list."""

    def serves(self, version: str, resource: str) -> bool:
        return (version, resource) == (netchaos.VERSION, netchaos.RESOURCE) and self.context == "with"


def test_without_chaos_mesh_it_cannot_be_had() -> None:
    with pytest.raises(Unable, match=r"a NetworkPolicy cuts both ways .* without Chaos Mesh"):
        mesh.check(Known(context="without"), RULE)
    assert mesh.slowed(Known(context="without"), ["shop"]) == frozenset()
    mesh.check(Known(context="with"), RULE)


def test_everybody_cannot_be_named() -> None:
    with pytest.raises(Unable, match="name both sides"):
        mesh.check(Known(context="with"), replace(RULE, sources=("*",)))


def listed(monkeypatch: pytest.MonkeyPatch, *records: dict[str, Any], injected: bool = False) -> None:
    status = {
        "conditions": [{"type": "AllInjected", "status": str(injected)}],
        "experiment": {"containerRecords": list(records)},
    }
    monkeypatch.setattr(netchaos, "listed", lambda *_: [{"metadata": {"name": "drillyard-delay-1"}, "status": status}])


def test_what_went_wrong_is_said_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [{"type": "Succeeded", "operation": "Apply"}, {"type": "Failed", "message": "no such qdisc"}]
    listed(monkeypatch, {"id": "shop/web-1", "events": events}, {"id": "shop/db-0"})
    with pytest.raises(TargetError, match="shop/web-1: no such qdisc"):
        mesh._are_in_force(Known(context="with"), "shop", RULE.id, 1)


def test_it_holds_when_all_pods_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    listed(monkeypatch)
    with pytest.raises(TargetError, match="says nothing of it"):
        mesh._are_in_force(Known(context="with"), "shop", RULE.id, 1)
    listed(monkeypatch, injected=True)
    assert mesh._are_in_force(Known(context="with"), "shop", RULE.id, 1)
    assert not mesh._are_in_force(Known(context="with"), "shop", RULE.id, 2)
