"""Clusters as they are named and asked, without one: contexts, errors, selectors, what a policy says, who a pod is."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from probes.wire import redis as wire
from targets import kind, kubernetes, where
from targets.boxes import marked
from targets.lab import pod as pods_own
from targets.pods import clusters, lab, policies, workloads
from targets.pods.cluster import Cluster
from targets.pods.workloads import Pod
from targets.rules import Rule
from targets.target import BadInput, TargetError, Unable, attach, create

SERVICES = lab.MANIFESTS / "services.yaml"


def context(name: str, server: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "users": [{"name": name, "user": {"token": "none"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a kubeconfig whose current context leads to a port on which nobody listens."""
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(context("here", "https://127.0.0.1:9")))
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    return file


def pod(name: str, address: str) -> Pod:
    return Pod(
        name=name, namespace="shop", uid="1", host="n", zone="", role="", address=address, annotations={},
        container="c",
        port=0, owner="",
        process="2", incarnation="1/2", leaving=False, runs=True, ready=True, held=False, finalizers=(),
        restarts=0, labels={},
    )  # fmt: skip


def test_a_context_that_is_not_there_is_named_with_those_that_are(kubeconfig: Path) -> None:
    with pytest.raises(BadInput, match=r"context there: .*does not have it; it has here"):
        Cluster(context="there", kubeconfig=kubeconfig).client()


def test_no_kubeconfig_is_said_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"context here: no kubeconfig can be read at .*set KUBECONFIG"):
        Cluster(context="here", kubeconfig=tmp_path / "none").client()


def test_a_server_that_does_not_answer_is_the_targets_failure(kubeconfig: Path) -> None:
    cluster = Cluster(context="here", kubeconfig=kubeconfig)
    with pytest.raises(TargetError, match=r"context here: nodes: the API server does not answer"):
        workloads.of(cluster, {"web": workloads.Selection(namespace="shop", select="app=web")})


def test_a_target_needs_its_context_said_and_never_takes_the_current_one(kubeconfig: Path) -> None:
    assert kubeconfig.exists()
    for address in ("kubernetes:", "kubernetes"):
        with pytest.raises(BadInput, match="kubernetes:CONTEXT"):
            kubernetes.attach(address)
    with pytest.raises(BadInput, match="for a lab of its own use --target kind"):
        create("kubernetes", on_progress=print)


def test_a_system_that_selects_no_pods_is_refused(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kubeconfig.exists()
    monkeypatch.setenv(where.SYSTEM, "lab")
    with pytest.raises(BadInput, match="--system lab: no component says where its pods are"):
        attach("kubernetes:here")


@pytest.mark.parametrize("address", ["kind:", "kind:one", "kind:one/", "kind:/two"])
def test_a_lab_on_kind_is_named_by_cluster_and_namespace(address: str) -> None:
    with pytest.raises(BadInput, match="kind:CLUSTER/NAMESPACE"):
        kind.attach(address)


def test_labels_satisfy_a_selector_of_equalities_only() -> None:
    assert workloads.matches("app=web, tier==front", {"app": "web", "tier": "front", "more": "x"})
    assert not workloads.matches("app=web", {"app": "api"})
    for bad in ("", "app", "app in (web)", "app!=web"):
        with pytest.raises(BadInput, match="name labels as"):
            workloads.matches(bad, {})


def test_a_policy_lets_everybody_in_but_the_sources() -> None:
    rule = Rule(id="cut-1", sources=("web",), destinations=("db",), mode="drop")
    said = policies.written(rule, [pod("web", "10.1.2.3")])
    assert said["spec"]["podSelector"] == {"matchLabels": {"drillyard/cut-1": "to"}}
    by_label, by_address = said["spec"]["ingress"][0]["from"]
    assert by_label["podSelector"]["matchExpressions"] == [
        {"key": "drillyard/cut-1", "operator": "NotIn", "values": ["from"]}
    ]
    assert by_label["namespaceSelector"] == {}
    assert by_address == {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.1.2.3/32"]}}
    everybody = Rule(id="cut-2", sources=("*",), destinations=("db",), mode="drop")
    assert policies.written(everybody, [])["spec"]["ingress"] == []


@pytest.mark.parametrize(
    "words",
    [
        {"mode": "delay", "seconds": 1.0},
        {"mode": "reject"},
        {"mode": "drop", "direction": "there"},
        {"mode": "drop", "destinations": ("*",)},
    ],
)
def test_what_no_policy_can_do_is_a_skip_with_its_reason(words: dict[str, Any]) -> None:
    with pytest.raises(Unable):
        policies.check(Rule(**{"id": "r", "sources": ("a",), "destinations": ("b",), **words}))


def test_a_pod_finds_out_who_it_is_and_where_the_others_are() -> None:
    assert pods_own.node("postgres", "postgres-1").name == "postgres-b"
    assert pods_own.node("api", "api-7c9d-x2x").name == "api-1"
    environment: dict[str, str] = {}
    for each in yaml.safe_load_all(SERVICES.read_text()):
        word = each["metadata"]["name"].upper().replace("-", "_")
        environment |= {
            f"{word}_SERVICE_HOST": "10.96.0.7",
            f"{word}_SERVICE_PORT": str(each["spec"]["ports"][0]["port"]),
        }
    reached = pods_own.doors(environment)
    assert reached["redis-c"] == "10.96.0.7:6379"
    assert '"postgres": "postgresql://postgres@10.96.0.7:5432,10.96.0.7:5432,' in pods_own.description(
        pods_own.node("worker", "worker-1-a"), reached
    )


def test_no_two_doors_have_one_port() -> None:
    ports = [each["spec"]["ports"][0]["nodePort"] for each in yaml.safe_load_all(SERVICES.read_text())]
    assert len(set(ports)) == len(ports) == 11


def test_names_tell_whether_their_owner_lives() -> None:
    mine = marked.new()
    assert marked.is_ours(mine)
    assert not marked.is_abandoned(mine)
    host = mine.split("-")[1]
    assert marked.is_abandoned(f"drillyard-{host}-999999999-1-abcdef")
    assert not marked.is_abandoned("drillyard-00000000-999999999-1-abcdef")
    assert not marked.is_ours("drillyard-lab")


def test_what_sentinels_name_is_reached_through_a_door() -> None:
    place = wire.place("redis+sentinel://127.0.0.1:1,127.0.0.1:2/lab?10.96.0.7:6379=127.0.0.1:3")
    assert wire._reached(place, "10.96.0.7", 6379) == ("127.0.0.1", 3)
    assert wire._reached(place, "10.96.0.8", 6379) == ("10.96.0.8", 6379)


def test_what_a_dead_process_unpacked_is_taken_away_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    living, other = tmp_path / marked.new(), tmp_path / "drillyard-notes"
    host, _, started, rest = living.name.split("-")[1:]
    dead = tmp_path / f"drillyard-{host}-999999999-{started}-{rest}"
    for each in (living, other, dead):
        each.mkdir()
        (each / "file").touch()
    clusters.clear_up()
    assert sorted(tmp_path.iterdir()) == sorted([living, other])
