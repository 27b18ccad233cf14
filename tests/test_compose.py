"""A compose project that is not ours in shape, on a real Docker engine: the same machinery, nothing left."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from targets import compose, systems
from targets.boxes import engine, image, layout, services
from targets.boxes.project import ProjectTarget
from targets.places import ROOT
from targets.rules import Rule
from targets.target import BadInput, TargetGone, Unable, VictimGone, attach
from targets.waiting import until

PATIENCE_S = 60.0
COMPOSE = ("docker", "compose")
SHOP = Path(__file__).parent / "shop"
FILE = SHOP / "docker-compose.yml"


def on_ports() -> dict[str, str]:
    """Say to the compose file where it may publish."""
    return {f"SHOP_{name.upper()}_PORT": str(port) for name, port in layout.free_ports(("db", "web")).items()}


@pytest.fixture(scope="module", autouse=True)
def _engine() -> Iterator[None]:
    try:
        engine.client()
    except Unable as lacks:
        pytest.skip(str(lacks))
    if subprocess.run([*COMPOSE, "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker compose on this machine; install the plugin, version 2")
    with pytest.MonkeyPatch.context() as patch:
        for name, known in {"SHOP_IMAGE": image.find(None, print), **on_ports()}.items():
            patch.setenv(name, known)
        yield


@pytest.fixture(scope="module")
def shop() -> Iterator[ProjectTarget]:
    with closing(compose.create(FILE)) as up:
        yield up


def test_components_are_its_services(shop: ProjectTarget) -> None:
    assert shop.components == ("db", "once", "web")
    assert shop.disposable
    (db,) = shop.nodes("db")
    assert (db.name, db.role, db.zone) == ("db-1", "primary", "cellar")
    assert db.endpoint == f"postgresql://clerk:abacus@127.0.0.1:{os.environ['SHOP_DB_PORT']}/stock"
    assert shop.endpoint("web") == f"http://127.0.0.1:{os.environ['SHOP_WEB_PORT']}"
    assert shop.endpoint("once") == ""
    assert shop.down() == ()
    with pytest.raises(BadInput, match="has no component 'api'; it has db, once, web"):
        shop.nodes("api")


def test_any_process_can_open_it(shop: ProjectTarget) -> None:
    again = attach(shop.address)
    assert again.disposable
    assert again.endpoint("db") == shop.endpoint("db")
    with pytest.raises(TargetGone, match="no such project"):
        attach("compose:nobody")


def test_killed_and_restarted_by_its_policy(shop: ProjectTarget) -> None:
    before = shop.incarnation("web-1")
    assert before
    shop.kill("web-1", before)
    until(lambda: shop.incarnation("web-1") not in (None, before), PATIENCE_S, "web-1 to be restarted")
    with pytest.raises(VictimGone):
        shop.kill("web-1", before)
    shop.start("web-1")


def test_lost_for_good_and_started(shop: ProjectTarget) -> None:
    before = shop.incarnation("db-1")
    assert before
    shop.kill("db-1", before, for_good=True)
    assert shop.down() == ("db-1",)
    assert "docker start" in shop.spelled("start", "db-1")[0]
    shop.start("db-1")
    shop.start("db-1")
    assert shop.down() == ()


def test_frozen_and_let_go(shop: ProjectTarget) -> None:
    before = shop.incarnation("web-1")
    assert before
    shop.pause("web-1", before)
    assert shop.paused() == {"web-1"}
    shop.resume("web-1")
    shop.resume("web-1")
    assert shop.paused() == frozenset()


def test_cut_off_and_healed(shop: ProjectTarget) -> None:
    rule = Rule(id="partition-t", sources=("web-1",), destinations=("db-1",), mode="drop")
    (web,) = shop.nodes("web")
    asks = ["python3", "-c", "import socket; socket.create_connection(('db', 5432), timeout=1)"]
    assert shop.run(web, asks, timeout=10).code == 0
    shop.cut(rule)
    assert shop.cuts() == {rule.id}
    assert "timed out" in shop.run(web, asks, timeout=10).err
    shop.uncut(rule.id)
    shop.uncut(rule.id)
    assert shop.cuts() == frozenset()
    assert shop.run(web, asks, timeout=10).code == 0
    with pytest.raises(Unable, match="only silence"):
        shop.means(Rule(id="d", sources=("web-1",), destinations=("db-1",), mode="delay", seconds=1))


def test_unplugged_and_plugged_in_again_with_its_port(shop: ProjectTarget) -> None:
    plugs = shop.plugs("db-1")
    assert ("db" in plugs[0]["names"], plugs[0]["address"]) == (True, "")
    (web,) = shop.nodes("web")
    asks = ["python3", "-c", "import socket; socket.create_connection(('db', 5432), timeout=1)"]
    shop.unplug("db-1", plugs)
    shop.unplug("db-1", plugs)
    assert shop.unplugged() == {"db-1"}
    assert shop.run(web, asks, timeout=10).code != 0
    (by_hand,) = shop.spelled("plug", "db-1", plugs)
    assert "docker network connect --alias" in by_hand
    subprocess.run(shlex.split(by_hand), check=True)
    shop.plug("db-1", plugs)
    assert shop.unplugged() == frozenset()
    assert shop.plugs("db-1") == plugs
    assert shop.run(web, asks, timeout=10).code == 0
    assert [node.role for node in shop.nodes("db")] == ["primary"], "the port that the machine publishes leads to it"


def test_burnt_inside(shop: ProjectTarget) -> None:
    shop.load("web-1", load_id="stress-t", kind="cpu", workers=2, seconds=60)
    until(lambda: shop.loading("stress-t") == 2, PATIENCE_S, "two shells to burn")
    assert shop.loads() == {"stress-t"}
    shop.unload("stress-t")
    until(lambda: shop.loading("stress-t") == 0, PATIENCE_S, "the shells to end")


def test_its_drills_and_nothing_is_left(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", str(SHOP / "drill_shop.py"), "--target", "containers"]
    options = ["--system", str(SHOP / "shop.toml"), "--run-folder", str(tmp_path / "run")]
    environment = {**os.environ, **on_ports()}
    before = services.projects()
    ran = subprocess.run([*argv, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "2 passed" in ran.stdout  # each asserts that it was met
    assert services.projects() == before


def test_one_that_runs_is_attached_to_and_stays_and_has_to_be_armed(tmp_path: Path) -> None:
    environment = {**os.environ, **on_ports()}
    theirs = [*COMPOSE, "-f", str(FILE)]
    subprocess.run([*theirs, "up", "--detach"], env=environment, check=True, capture_output=True)
    try:
        argv = [sys.executable, "-m", "pytest", str(SHOP / "drill_shop.py"), "--target", "containers", "-k", "killed"]
        options = ["--system", str(SHOP / "shop.toml"), "--run-folder", str(tmp_path / "run")]
        ran = subprocess.run([*argv, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode != 0
        assert "compose:shop is not disposable and not armed; say --arm shop" in ran.stdout
        argv += ["--arm", "shop"]
        ran = subprocess.run([*argv, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout
        assert "shop" in services.projects()
        with pytest.raises(BadInput, match="was not brought up by Drillyard"):
            compose.down("compose:shop")
    finally:
        subprocess.run([*theirs, "down", "--volumes"], env=environment, check=True, capture_output=True)


def test_bad_compose_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        compose.create(tmp_path / "nothing.yml")
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text("services: {db: {imige: debian}}\n")
    with pytest.raises(BadInput, match="imige"):
        compose.create(wrong)


def test_the_file_lies_beside_its_system() -> None:
    assert systems.load(str(SHOP / "shop.toml")).compose == FILE
