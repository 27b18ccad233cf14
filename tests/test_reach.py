"""A cut between nodes, kept by the kernel where namespaces are permitted, by the links where they are not."""

import json
import os
import time
from collections.abc import Iterator

import pytest

from targets import local
from targets.lab import spaces
from targets.lab.target import LocalTarget
from targets.rules import Rule
from tests import namespaces
from tests.test_lab import ask, health, until

CUT = Rule(id="partition-x", sources=("api-1",), destinations=("postgres-a", "redis-a"), mode="drop")
KERNEL, LINKS = "nftables in the network namespaces of the sources", "the lab's links"


@pytest.fixture(params=["namespaces", "links"], scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[LocalTarget]:
    if request.param == "namespaces" and not can():
        pytest.skip("no nft on this machine, or no network namespaces for this user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(spaces.SWITCH, request.param)
        made = local.create()
        yield made
        made.close()


def can() -> bool:
    """Ask as the lab's keeper does: in a process of its own, for it may enter a user namespace."""
    child = os.fork()
    if not child:
        spaces.own_users()
        os._exit(0 if spaces.permitted() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_cut_silences_one_replica_until_it_is_healed(lab: LocalTarget) -> None:
    assert lab.means(CUT) == {"namespaces": KERNEL, "links": LINKS}[os.environ[spaces.SWITCH]]
    lab.cut(CUT)
    lab.cut(CUT)
    assert lab.cuts() == {"partition-x"}
    assert health(lab, "api-1")["status"] != "ok"
    assert health(lab, "api-2")["status"] == "ok"  # it stands elsewhere
    lab.uncut("partition-x")
    lab.uncut("partition-x")
    assert lab.cuts() == frozenset()
    until(lambda: health(lab, "api-1")["status"] == "ok", "healed")


def test_what_concerns_callers_from_outside_is_the_links(lab: LocalTarget) -> None:
    everybody = Rule(id="outage-x", sources=("*",), destinations=("objects-a",), mode="reject")
    assert lab.means(everybody) == LINKS
    lab.cut(everybody)
    assert health(lab)["objects"] == "down"
    lab.uncut("outage-x")
    until(lambda: health(lab)["objects"] == "ok", "healed")


def test_a_node_that_was_killed_comes_back_behind_the_same_cut(lab: LocalTarget) -> None:
    lab.cut(CUT)
    lab.kill("api-1", lab.incarnation("api-1") or "")
    (one, _) = lab.nodes("api")
    until(lambda: ask(one.endpoint, "GET", "/livez")[0] == 200, "restarted")
    assert json.loads(ask(one.endpoint, "GET", "/health")[1])["postgres"] == "down"
    lab.uncut("partition-x")
    until(lambda: health(lab, "api-1")["status"] == "ok", "healed")


def test_nothing_of_the_namespaces_is_left_behind(lab: LocalTarget) -> None:
    lab.cut(CUT)
    used = namespaces.used_by(lab.folder, "net") - {namespaces.ours("net")}
    lab.close()
    deadline = time.monotonic() + 10
    while used & namespaces.held("net") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not used & namespaces.held("net")


def test_a_switch_keeps_namespaces_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(spaces.SWITCH, "links")
    assert not spaces.permitted()
