"""Drills on our own lab in a cluster, as somebody who has the rights that `targets rbac` writes, and no others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from targets import where
from targets.places import ROOT
from targets.pods import rights
from targets.pods.kindlab import KindTarget
from tests import accounts
from tests.kindlab import lacks

WHO = "driller"
DOINGS = (*rights.USUAL, rights.LAB)
BESIDES = (rights.DRAIN, rights.QUOTA)  # for single drills

pytestmark = pytest.mark.skipif(bool(lacks()), reason=lacks())


def ran(*words: str, **more: str) -> str:
    env = {key: value for key, value in os.environ.items() if key != where.KIND_CLUSTER} | more
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("drills", "closing"),
    # each asserts that it was met; latency, one-way cuts and a cluster's machines cannot be had
    [("p0", "3 passed, 2 skipped"), pytest.param("not p0", "26 passed, 9 skipped", marks=pytest.mark.nightly)],
)
def test_the_drills_need_no_more_than_is_written(
    kind_lab: KindTarget, tmp_path: Path, drills: str, closing: str
) -> None:
    context, file = f"kind-{kind_lab.name}", tmp_path / "kubeconfig"
    own = str(kind_lab.cluster.kubeconfig)
    written = ran("targets", "rbac", "--system", "lab", "--target", f"kubernetes:{context}", KUBECONFIG=own)
    assert list(yaml.safe_load_all(written)) == rights.roles([kind_lab.namespace], DOINGS)
    who = f"{WHO}-{drills.replace(' ', '-')}"
    with accounts.made(kind_lab.cluster, kind_lab.namespace, who, (*DOINGS, *BESIDES), file):
        known = yaml.safe_load(file.read_text())
        known["contexts"][0]["name"] = context  # by which Drillyard knows that there may be a lab
        file.write_text(yaml.safe_dump(known))
        more = ["--system", "lab-on-kind", "--run-folder", str(tmp_path / "run"), "-m", drills]
        said = ran(
            "pytest", "drills/", "--target", f"kubernetes:{context}", "--arm", context, *more, KUBECONFIG=str(file)
        )
    assert closing in said
