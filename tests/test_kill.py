"""The benchmark of dying harnesses: a seed decides everything, a residue is told, and a real death is measured."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.kit.killing import cases, playable, told
from benchmarks.kit.killing.trial import Trial
from targets.places import ROOT
from targets.target import DrillyardError

GOALS = told.GOALS["local"]
DRILLS = ["drills/test_api.py::test_one", "drills/test_api.py::test_other"]


def killed(*argv: str, state: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "kill", *argv],
        cwd=ROOT, env={**os.environ, "DRILLYARD_STATE": str(state)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def trial(**more: object) -> Trial:
    return Trial(**{"index": 7, "drill": DRILLS[0], "death": cases.SIGKILL, "ephemeral": False, **more})  # type: ignore[arg-type]


def test_a_case_follows_from_its_seed_and_number() -> None:
    drawn = [cases.case(1, index, DRILLS) for index in range(500)]
    assert drawn == [cases.case(1, index, DRILLS[::-1]) for index in range(500)]
    assert drawn != [cases.case(2, index, DRILLS) for index in range(500)]
    deaths = Counter(case.death for case in drawn)
    assert set(deaths) == set(cases.DEATHS)
    assert deaths.most_common(1)[0][0] == cases.SIGKILL
    assert {case.drill for case in drawn} == set(DRILLS)
    shares = sorted(case.share for case in drawn)
    assert all(abs(share - at / 500) < 0.08 for at, share in enumerate(shares)), "uniformly random"


def test_what_was_left_falls_short_and_tells_how_to_see_it_again() -> None:
    clean, dirty = trial(healed_ms=100.0, open=1), trial(left=["processes: a is stopped, and was running"])
    assert all(figure.ok for figure in told.figures([clean], GOALS, whole=False))
    assert not all(figure.ok for figure in told.figures([clean, dirty], GOALS, whole=False))
    (said,) = told.left([clean, dirty], seed=3)
    assert "(--seed 3 --case 7)" in said
    assert "a is stopped" in said


def test_a_slow_undo_and_too_few_runs_fall_short() -> None:
    assert not all(figure.ok for figure in told.figures([trial(healed_ms=300.0, open=1)], GOALS, whole=False))
    assert not all(figure.ok for figure in told.figures([trial(healed_ms=100.0, open=1)], GOALS, whole=True))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--case", "5-3"], "3 comes before 5"),
        (["--case", "some"], "give a number from 0 on"),
        (["--times", "0"], "give a whole number from 1 on"),
    ],
)
def test_bad_input_is_one_line(argv: list[str], says: str, tmp_path: Path) -> None:
    ran = killed(*argv, state=tmp_path)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_real_death_is_healed_and_timed(tmp_path: Path) -> None:
    index = next(
        at
        for at in range(500)
        if (drawn := cases.case(1, at, DRILLS[:1])).death == cases.SIGKILL
        and 0.4 < drawn.share < 0.6
        and not drawn.ephemeral
    )
    ran = killed("--case", str(index), "-k", "test_every_replica_killed", "--json", state=tmp_path)
    (found,) = [one for one in json.loads(ran.stdout)["details"]["trials"] if one["death"] == cases.SIGKILL]
    assert found["left"] == [], ran.stdout
    assert found["at_s"] > 0


def test_what_a_lab_is_unable_to_play_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["drills/test_api.py::test_one_replica_slow", "drills/test_api.py::test_one_replica_killed"]

    def ran(*words: str) -> str:
        if "--plan" in words:
            plan = '{{"drill": "{0}"{1}}}'
            root = ET.Element("testsuite")
            for name, unable in (("test_one_replica_slow", ', "unable": "no delay"'), ("test_one_replica_killed", "")):
                case = ET.SubElement(root, "testcase", classname="drills.test_api", name=name)
                told = {"name": "drillyard-plan", "value": plan.format(name, unable)}
                ET.SubElement(ET.SubElement(case, "properties"), "property", told)
            ET.ElementTree(root).write(words[words.index("--junitxml") + 1])
        return "\n".join([*both, "", "2 tests collected"])

    monkeypatch.setattr(playable, "_pytest", ran)
    assert playable.drills("kind", "") == both[1:]


def test_no_drill_is_an_error() -> None:
    with pytest.raises(DrillyardError, match=r"pytest finds no drills|no such drill"):
        playable.drills("local", "nothing_of_this_name")
