"""The residue detector can fail: every kind of residue, planted by hand, is called by its name."""

import contextlib
import os
import re

from benchmarks.kit import world
from benchmarks.kit.world.allowed import ALLOWED
from targets.lab import spaces
from targets.lab.target import LocalTarget
from targets.target import Target
from tests.conformance import planted

SETTLES_S = 30.0


def test_what_is_planted_is_named(target: Target) -> None:
    assert isinstance(target, LocalTarget)
    before = world.settled(lambda: world.snapshot(target.folder), within_s=SETTLES_S)
    with contextlib.ExitStack() as stack:
        expected, lacking = {}, {}
        for plant in planted.KINDS:
            planting = plant(target)
            try:
                expected[plant.__name__] = next(planting)
                stack.callback(next, planting, None)  # it takes back what it has planted, whatever else fails
            except planted.Cannot as error:
                lacking[plant.__name__] = str(error)
        found = world.left(before, world.snapshot(target.folder))
    unnamed = [kind for kind, text in expected.items() if not any(re.match(text, each, re.DOTALL) for each in found)]
    assert unnamed == [], "\n".join(found)
    assert lacking.keys() <= may_lack(), lacking
    assert world.left_after(before, lambda: world.snapshot(target.folder), within_s=SETTLES_S) == []


def may_lack() -> set[str]:
    """Name the kinds that need what not every machine gives: root's rights, network namespaces with nft."""
    rights = {"named_namespace", "cgroup", "mount"} if os.geteuid() else set()
    return rights | (set() if spaces.permitted() else {"listener_inside", "nft", "held_namespace"})


def test_an_idle_lab_differs_in_nothing(target: Target) -> None:
    assert isinstance(target, LocalTarget)
    before = world.settled(lambda: world.snapshot(target.folder), within_s=SETTLES_S)
    assert world.left_after(before, lambda: world.snapshot(target.folder), within_s=SETTLES_S) == []
    assert not [section for section, facts in vars(before).items() if not facts and section not in EMPTY]


EMPTY = {"rules", "nft", "cgroups", "mounts", "engine"}  # in a lab that is whole, on no engine


def test_every_allowance_has_its_reason() -> None:
    sections = set(world.World.__dataclass_fields__)
    for each in ALLOWED:
        assert each.section in sections
        assert len(each.reason.split()) > 3
        assert not re.fullmatch(each.thing, ""), "it would allow anything"
