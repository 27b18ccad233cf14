"""A system's file is read strictly: every mistake is one sentence with file, key, value and cure."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes import watching
from rollback import arming
from targets import durations, objectives, systems
from targets.target import BadInput

GOOD = """
name = "mine"
[components.api]
kind = "http"
severity = "p1"
rto = "15 min"
rpo = "5 min"
watch = { kind = "http", at = "api", path = "/" }
"""


def load(folder: Path, text: str) -> systems.System:
    path = folder / "mine.toml"
    path.write_text(text)
    return systems.load(str(path))


def test_the_lab_is_described() -> None:
    lab = systems.load("lab")
    named = {"api", "catalogue", "postgres", "redis", "objects", "worker", "sentinel", "logins"}
    assert named == set(lab.components)


def test_the_judge_is_told_the_pace_of_the_slowest_source() -> None:
    class Anywhere:
        def endpoint(self, component: str) -> str:
            return f"http://K:S@h/{component}"

    lab = systems.load("lab")
    objects = watching.watching(Anywhere(), lab, "objects", ledger_id="x")
    api = watching.watching(Anywhere(), lab, "api", ledger_id="x")
    assert watching.judged([api], [])["interval_s"] == watching.spec([api])["interval_s"] == 0.02
    assert watching.judged([objects], [api])["interval_s"] == 0.1
    assert watching.spec([objects, api])["interval_s"] == 0.02
    assert watching.judged([objects], [api])["window_s"] == watching.spec([objects, api])["window_s"] == 0.5


def test_durations_become_seconds(tmp_path: Path) -> None:
    api = load(tmp_path, GOOD).component("api")
    assert (api.rto, api.rpo) == (900.0, 300.0)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            '"15 min"',
            '"5 parsecs"',
            r"mine\.toml: components\.api\.rto = '5 parsecs'.*write a number and a unit of ms, s",
        ),
        ('"15 min"', '"soon"', r"components\.api\.rto = 'soon'"),
        ('"15 min"', '"-1 s"', r"components\.api\.rto = '-1 s'"),
        ("rpo =", "rpoo =", r"components\.api\.rpoo = '5 min': no such key.*rto"),
        ('rpo = "5 min"', "", r"components\.api\.rpo: is missing"),
        ('path = "/"', 'every = "0 s"', r"components\.api\.watch\.every = '0 s': .*greater than or equal to 0.001"),
        ('path = "/"', 'headers = { Cookie = "x" }', r"watch\.headers: Cookie is a secret: .*\{env:NAME\}"),
        ('"p1"', '"p9"', r"components\.api\.severity = 'p9'"),
        ('at = "api"', 'at = "web"', r"components\.api\.watch\.at = 'web': no such component; there are api"),
        ("[components.api]", "[components.api", "not TOML"),
        (
            'name = "mine"',
            'name = "mine"\n[safety]\ncomponents = ["db"]',
            "safety.components names 'db'; there are api",
        ),
        (
            'name = "mine"',
            'name = "mine"\n[safety]\nmax_victimz = 1',
            "safety.max_victimz = 1: no such key.*max_victims",
        ),
    ],
)
def test_bad_input_names_key_value_and_cure(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=says):
        load(tmp_path, GOOD.replace(old, new, 1))


def test_a_system_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadInput, match=r"--system nowhere.*lab"):
        systems.load("nowhere")


def test_the_safety_rules_of_the_readme_are_understood(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    safety = readme[readme.index("[safety]") :].partition("```")[0].replace('"redis"', '"api"')
    permit = arming.permit(load(tmp_path, GOOD + safety).safety, armed=["staging"], approved_by=["ada"])
    assert permit.components == frozenset({"api"})
    assert permit.max_victims == 3
    assert permit.approvals == {"p0": 2}
    assert permit.window.open_at(datetime(2026, 11, 24, 12, 0, tzinfo=UTC))  # a Tuesday
    assert not permit.window.open_at(datetime(2026, 11, 24, 17, 0, tzinfo=UTC))
    assert not permit.window.open_at(datetime(2026, 11, 26, 12, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "expected"), [("250ms", 0.25), ("30 s", 30), ("1.5 min", 90), ("2 h", 7200), ("1d", 86400)]
)
def test_units(text: str, expected: float) -> None:
    assert durations.seconds(text) == expected


def test_a_drill_narrows_and_never_widens(tmp_path: Path) -> None:
    system = load(tmp_path, GOOD)
    assert objectives.narrowed(system, "api", "rto", "10 s") == 10
    assert objectives.narrowed(system, "api", "rto", "") == 900
    with pytest.raises(BadInput, match="wider than the 900 s"):
        objectives.narrowed(system, "api", "rto", "16 min")
    with pytest.raises(BadInput, match=r"drill\(rto='soon'\)"):
        objectives.narrowed(system, "api", "rto", "soon")
    with pytest.raises(BadInput, match="no component 'db'; it has api"):
        system.component("db")


def test_a_system_takes_over_what_it_does_not_say_anew(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    more = f'extends = "{tmp_path}/mine.toml"\nname = "more"\n[drills.one-killed]\nrto = "8 s"\n'
    (tmp_path / "more.toml").write_text(more)
    found = systems.load(str(tmp_path / "more.toml"))
    assert found.name == "more"
    assert found.component("api").rto == 900
    assert objectives.narrowed(found, "api", "rto", "500 ms", "one-killed") == 8
    assert objectives.narrowed(found, "api", "rto", "500 ms", "another") == 0.5
    assert objectives.narrowed(found, "api", "rpo", "1 s", "one-killed") == 1


def test_no_drill_is_promised_more_time_than_its_component_has(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD + '[drills.one-killed]\nrto = "20 min"\n')
    with pytest.raises(BadInput, match="wider than the 900 s"):
        objectives.narrowed(found, "api", "rto", "1 s", "one-killed")


def test_a_system_cannot_extend_itself(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="it extends itself"):
        load(tmp_path, f'extends = "{tmp_path}/mine.toml"\n' + GOOD)
